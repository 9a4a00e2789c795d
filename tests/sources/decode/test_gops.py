"""A video cut into groups of pictures: where, and what is known of each."""

from __future__ import annotations

from fractions import Fraction

import pytest
from av import Packet, VideoStream

from streamsel.sources.decode.gops import Gop, Wanted, all_of, cut
from streamsel.sources.decode.random_access import RandomAccess
from tests.sources.media import video_packet
from tests.stand_ins import as_a


class Access:
    """Random access wherever a packet is a keyframe; nothing is cut from the packet ``ends`` on."""

    def __init__(self, ends: int | None = None) -> None:
        self._ends = ends
        self._seen = 0

    def is_random_access(self, packet: Packet[VideoStream]) -> bool:
        return packet.is_keyframe

    def is_shown(self, packet: Packet[VideoStream]) -> bool:
        return True

    def prevents_cut(self, packet: Packet[VideoStream]) -> bool:
        self._seen += 1
        return self._ends is not None and self._seen > self._ends


def packets(*told: str) -> list[Packet[VideoStream]]:
    """Packets by their timestamps in decoding order; ``!`` marks keyframes, ``?`` no timestamp."""
    made = []
    for place, one in enumerate(told):
        packet = video_packet(b"content")
        packet.pts = None if "?" in one else int(one.rstrip("!"))
        packet.dts = place - 10
        packet.is_keyframe = one.endswith("!")
        made.append(packet)
    return made


def gops(*told: str, ends: int | None = None) -> list[Gop]:
    return list(cut(iter(packets(*told)), as_a(RandomAccess, Access(ends))))


def test_each_keyframe_begins_a_group() -> None:
    first, second, third = gops("0!", "1", "2", "3!", "4", "5!")
    assert [gop.number for gop in (first, second, third)] == [0, 1, 2]
    assert [gop.first for gop in (first, second, third)] == [0, 3, 5]
    assert [gop.times for gop in (first, second, third)] == [(0, 1, 2), (3, 4), (5,)]
    assert [(gop.begin, gop.end) for gop in (first, second, third)] == [(0, 3), (3, 5), (5, None)]
    assert all(gop.is_steady and gop.tail == () for gop in (first, second, third))
    assert [len(gop.before) for gop in (first, second, third)] == [0, 3, 2]
    assert [gop.is_open for gop in (first, second, third)] == [True, False, False]


def test_pictures_shown_before_a_keyframe_belong_to_the_group_before() -> None:
    first, second = gops("0!", "2", "1", "5!", "3", "4", "6")
    assert first.times == (0, 1, 2, 3, 4)
    assert len(first.tail) == 3
    assert (second.times, second.left_out) == ((5, 6), 2)
    assert [first.shows(pts) for pts in (4, 5, None)] == [True, False, True]
    assert second.shows(4)


def test_where_parameters_change_the_rest_is_one_group_that_is_not_steady() -> None:
    first, rest = gops("0!", "1", "2!", "3", "4!", "5", ends=4)
    assert (first.times, first.is_steady) == ((0, 1), True)
    assert (rest.times, rest.is_steady, rest.is_open) == (None, False, True)
    assert [packet.pts for packet in rest.packets] == [2, 3, 4, 5]
    (whole,) = gops("0!", "1", "2!", "3", ends=0)
    assert (whole.number, whole.is_steady) == (0, False)
    assert [packet.pts for packet in whole.packets] == [0, 1, 2, 3]


def test_a_rest_that_begins_at_a_keyframe_keeps_it() -> None:
    *_, rest = gops("0!", "1", "2!", "3", ends=3)
    assert [packet.pts for packet in rest.packets] == [0, 1, 2, 3]


def test_a_group_that_grows_too_long_is_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.sources.decode.gops._MOST_PACKETS", 3)
    first, rest = gops("0!", "1", "2!", "3", "4", "5", "6!", "7")
    assert first.times == (0, 1)
    assert (rest.times, rest.is_steady) == (None, True)
    assert [packet.pts for packet in rest.packets] == [2, 3, 4, 5, 6, 7]


def test_nothing_is_cut_where_timestamps_do_not_tell_what_is_shown() -> None:
    (whole,) = gops("0!", "?", "2!", "3")
    assert whole.times is None
    first, second = gops("0!", "9", "5!", "6")
    assert (first.times, second.times) == ((0, 9), (5, 6))
    (uncut,) = gops("0!", "9", "5!", "4", "6")
    assert uncut.times is None
    assert len(list(uncut.packets)) == 5


def test_a_video_that_begins_between_keyframes() -> None:
    first, second = gops("1", "2", "3!", "4")
    assert (first.begin, first.times, second.begin) == (None, (1, 2), 3)


def test_a_video_without_packets_has_no_group() -> None:
    assert gops() == []


def test_pictures_that_share_a_timestamp() -> None:
    (whole,) = gops("0!", "1", "1")
    assert whole.repeats
    assert not gops("0!", "1")[0].repeats
    assert not all_of(iter(())).repeats


def test_a_whole_video_as_one_group() -> None:
    whole = all_of(iter(packets("0!", "1!")))
    assert (whole.number, whole.begin, whole.end, whole.times) == (0, None, None, None)
    assert whole.is_open
    assert not whole.is_steady
    assert len(list(whole.packets)) == 2


@pytest.mark.parametrize(
    ("first", "start", "held"),
    [
        (0, 0.0, [True] * 5),
        (4, 0.0, [True, False, True, True, True]),
        (3, 0.0, [True, True, True, True, True]),
        (0, 4.1, [True, False, True, True, True]),
        (0, 7.0, [True, False, False, True, True]),
        (99, 0.0, [True, False, False, False, False]),
    ],
)
def test_groups_that_cannot_hold_what_is_read_are_not_wanted(
    first: int, start: float, held: list[bool]
) -> None:
    told = [f"{second}{'' if second % 2 else '!'}" for second in range(10)]
    wanted = Wanted(first, start, Fraction(1))
    assert [wanted.holds(gop) for gop in gops(*told)] == held


def test_after_a_step_back_every_group_is_wanted() -> None:
    wanted = Wanted(0, 100.0, Fraction(1))
    told = ["0!", "1", "8!", "9", "2!", "3", "4!"]
    assert [wanted.holds(gop) for gop in gops(*told)] == [True, False, True, True]
