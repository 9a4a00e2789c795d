"""A pool of decoders: whose is used for what, and for how long."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streamsel.sources.container.opening import DecoderOptions
from streamsel.sources.decode.decoders import Decoders
from streamsel.sources.decode.gops import Gop

OPTIONS = DecoderOptions()


class Session:
    """A decoder that remembers what was done to it."""

    def __init__(self, **facts: object) -> None:
        self.codec, self.is_intra_only = "h264", False
        self.leaves_holes = self.is_remote = False
        self.picture_bytes = 100
        self.copier = None
        self.primed: list[object] = []
        self.closed = False
        vars(self).update(facts)

    def prime(self, head: object) -> None:
        self.primed.append(head)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pool:
    def __init__(self, *, workers: int = 4, room_bytes: int = 1_000, **facts: object) -> None:
        self.own = Session(**facts)
        self.opened: list[Session] = []
        ahead = SimpleNamespace(workers=workers, room_bytes=room_bytes)
        access = SimpleNamespace(head="head")
        self.decoders = Decoders(self.own, self._open, ahead, access, OPTIONS)

    def _open(self, options: DecoderOptions) -> Session:
        self.opened.append(Session(options=options))
        return self.opened[-1]


def gop(number: int = 0, times: int | None = 5, *, steady: bool = True) -> Gop:
    shown = None if times is None else tuple(range(times))
    return Gop(number, 0, 0, (), (), (), 0, None, shown, steady)


def test_the_open_session_is_used_first_and_only_by_the_first_worker():
    pool = Pool()
    assert pool.decoders.of(1, OPTIONS, gop(1)) is not pool.own
    assert pool.decoders.of(0, OPTIONS, gop(), "keys") is not pool.own
    assert pool.decoders.of(0, OPTIONS, gop()) is pool.own
    assert pool.decoders.of(0, OPTIONS, gop(4)) is pool.own
    assert len(pool.opened) == 2


def test_a_decoder_that_begins_later_gets_the_head_of_the_video():
    pool = Pool()
    assert pool.decoders.of(1, OPTIONS, gop(1)).primed == ["head"]
    assert pool.decoders.of(0, OPTIONS, gop(0)).primed == []


def test_a_decoder_with_traces_of_damage_is_not_used_again():
    pool = Pool()
    first, other = pool.decoders.of(1, OPTIONS, gop(1)), pool.decoders.of(2, OPTIONS, gop(2))
    pool.decoders.retire(first)
    assert first.closed
    assert pool.decoders.of(1, OPTIONS, gop(3)) is not first
    assert pool.decoders.of(2, OPTIONS, gop(4)) is other
    own = pool.decoders.of(0, OPTIONS, gop())
    pool.decoders.retire(own)
    assert not pool.own.closed
    assert pool.decoders.of(0, OPTIONS, gop(5)) is not pool.own


def test_all_are_closed_but_the_open_session():
    pool = Pool()
    for slot in range(3):
        pool.decoders.of(slot, OPTIONS, gop())
    pool.decoders.close()
    assert [one.closed for one in pool.opened] == [True, True]
    assert not pool.own.closed


@pytest.mark.parametrize(("is_remote", "again"), [(False, False), (True, True)])
def test_a_decoder_that_leaves_holes_is_used_once_unless_a_server_would_be_asked(is_remote, again):
    pool = Pool(leaves_holes=True, is_remote=is_remote)
    first = pool.decoders.of(1, OPTIONS, gop(1))
    assert (pool.decoders.of(1, OPTIONS, gop(2)) is first) == again
    assert first.closed != again
    assert pool.decoders.may_repeat != is_remote
    assert first.copier is not None
    assert Pool().decoders.of(1, OPTIONS, gop(1)).copier is None


def test_an_unused_decoder_is_closed_after_use():
    pool = Pool()
    with pool.decoders.fresh(0, OPTIONS, gop(2)) as fresh:
        assert fresh.primed == ["head"]
        assert not fresh.closed
    assert fresh.closed
    with pool.decoders.fresh(0, OPTIONS, gop(0)) as first:
        assert first.primed == []


@pytest.mark.parametrize(
    ("facts", "group", "threads"),
    [
        ({}, gop(times=11), 4),
        ({}, gop(times=10), 1),
        ({}, gop(times=None), 4),
        ({}, gop(times=11, steady=False), 1),
        ({"workers": 1}, gop(times=11), 1),
        ({"codec": "hevc"}, gop(times=11), 4),
        ({"codec": "hevc"}, gop(times=None), 1),
        ({"codec": "vp8"}, gop(times=11), 1),
        ({"codec": "mjpeg", "is_intra_only": True}, gop(times=None), 4),
    ],
)
def test_all_threads_decode_what_does_not_fit_into_the_read_ahead(facts, group, threads):
    pool = Pool(**facts)
    found = pool.decoders.fitting(OPTIONS, group)
    assert found.threads == (threads if threads > 1 else OPTIONS.threads)
