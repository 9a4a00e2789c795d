"""A pool of decoders: whose is used for what, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.container.opening import DecoderOptions
from streamsel.sources.decode.decoders import Decoders, Role
from streamsel.sources.decode.gops import Gop
from streamsel.sources.decode.random_access import RandomAccess
from streamsel.sources.decode.video_reader import VideoReader
from tests.stand_ins import as_a

OPTIONS = DecoderOptions()


@dataclass(eq=False)
class Session:
    """A decoder that remembers what was done to it."""

    options: DecoderOptions = OPTIONS
    codec: str = "h264"
    is_intra_only: bool = False
    leaves_holes: bool = False
    is_remote: bool = False
    picture_bytes: int = 100
    copier: object = None
    primed: list[object] = field(default_factory=list)
    closed: bool = False

    def prime(self, head: object) -> None:
        self.primed.append(head)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pool:
    def __init__(self, own: Session | None = None, *, workers: int = 4) -> None:
        self.own = own or Session()
        self.opened: list[Session] = []
        self.decoders = Decoders(
            as_a(VideoReader, self.own),
            self._open,
            ThreadedMap(workers, room_bytes=1_000),
            as_a(RandomAccess, SimpleNamespace(head="head")),
            OPTIONS,
        )

    def of(self, slot: int, gop: Gop, role: Role = "pictures") -> Session:
        return as_a(Session, self.decoders.of(slot, OPTIONS, gop, role))

    @contextmanager
    def fresh(self, slot: int, gop: Gop) -> Iterator[Session]:
        with self.decoders.fresh(slot, OPTIONS, gop) as decoder:
            yield as_a(Session, decoder)

    def retire(self, decoder: Session) -> None:
        self.decoders.retire(as_a(VideoReader, decoder))

    def _open(self, options: DecoderOptions) -> VideoReader:
        self.opened.append(Session(options))
        return as_a(VideoReader, self.opened[-1])


def gop(number: int = 0, times: int | None = 5, *, steady: bool = True) -> Gop:
    shown = None if times is None else tuple(range(times))
    return Gop(number, 0, 0, (), (), (), 0, None, shown, steady)


def test_the_open_session_is_used_first_and_only_by_the_first_worker() -> None:
    pool = Pool()
    assert pool.of(1, gop(1)) is not pool.own
    assert pool.of(0, gop(), "keys") is not pool.own
    assert pool.of(0, gop()) is pool.own
    assert pool.of(0, gop(4)) is pool.own
    assert len(pool.opened) == 2


def test_a_decoder_that_begins_later_gets_the_head_of_the_video() -> None:
    pool = Pool()
    assert pool.of(1, gop(1)).primed == ["head"]
    assert pool.of(0, gop(0)).primed == []


def test_a_decoder_with_traces_of_damage_is_not_used_again() -> None:
    pool = Pool()
    first, other = pool.of(1, gop(1)), pool.of(2, gop(2))
    pool.retire(first)
    assert first.closed
    assert pool.of(1, gop(3)) is not first
    assert pool.of(2, gop(4)) is other
    own = pool.of(0, gop())
    pool.retire(own)
    assert not pool.own.closed
    assert pool.of(0, gop(5)) is not pool.own


def test_all_are_closed_but_the_open_session() -> None:
    pool = Pool()
    for slot in range(3):
        pool.of(slot, gop())
    pool.decoders.close()
    assert [one.closed for one in pool.opened] == [True, True]
    assert not pool.own.closed


@pytest.mark.parametrize(("is_remote", "again"), [(False, False), (True, True)])
def test_a_decoder_that_leaves_holes_is_used_once_unless_a_server_would_be_asked(
    is_remote: bool, again: bool
) -> None:
    pool = Pool(Session(leaves_holes=True, is_remote=is_remote))
    first = pool.of(1, gop(1))
    assert (pool.of(1, gop(2)) is first) == again
    assert first.closed != again
    assert pool.decoders.may_repeat != is_remote
    assert first.copier is not None
    assert Pool().of(1, gop(1)).copier is None


def test_an_unused_decoder_is_closed_after_use() -> None:
    pool = Pool()
    with pool.fresh(0, gop(2)) as fresh:
        assert fresh.primed == ["head"]
        assert not fresh.closed
    assert fresh.closed
    with pool.fresh(0, gop(0)) as first:
        assert first.primed == []


@pytest.mark.parametrize(
    ("own", "workers", "group", "threads"),
    [
        (Session(), 4, gop(times=11), 4),
        (Session(), 4, gop(times=10), 1),
        (Session(), 4, gop(times=None), 4),
        (Session(), 4, gop(times=11, steady=False), 1),
        (Session(), 1, gop(times=11), 1),
        (Session(codec="hevc"), 4, gop(times=11), 4),
        (Session(codec="hevc"), 4, gop(times=None), 1),
        (Session(codec="vp8"), 4, gop(times=11), 1),
        (Session(codec="mjpeg", is_intra_only=True), 4, gop(times=None), 4),
    ],
)
def test_all_threads_decode_what_does_not_fit_into_the_read_ahead(
    own: Session, workers: int, group: Gop, threads: int
) -> None:
    pool = Pool(own, workers=workers)
    found = pool.decoders.fitting(OPTIONS, group)
    assert found.threads == (threads if threads > 1 else OPTIONS.threads)
