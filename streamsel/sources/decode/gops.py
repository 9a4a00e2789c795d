"""Splits a video's packets into GOPs that decode independently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.random_access import RandomAccess

_MOST_PACKETS = 4096
_MOST_BYTES = 64 << 20
_LEEWAY = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Gop:
    """What lies between two places where decoding can begin.

    ``number`` counts the GOPs. ``packets`` come in decoding order; the first is that of the
    first picture shown, except in a video that begins elsewhere. In the whole video it is number
    ``first``, and ``left_out`` packets that follow it are of the GOP before.
    ``tail`` are packets of the next GOP that pictures shown in this one need; of what comes out,
    only what is shown before ``end`` is then the GOP's. ``before`` are the packets of the GOP
    before. ``begin`` is the timestamp of the first packet's picture, None where decoding cannot
    begin there. ``times`` are the timestamps of all its pictures in the order they are shown, by
    what its packets say, None where there are none to go by; it then holds all the rest of the
    video, and ``packets`` can be gone through once. ``is_steady``: it is of a kind that is known.
    """

    number: int
    first: int
    left_out: int
    packets: Iterable[Packet[VideoStream]]
    tail: tuple[Packet[VideoStream], ...]
    before: tuple[Packet[VideoStream], ...]
    begin: int | None
    end: int | None
    times: tuple[int, ...] | None
    is_steady: bool = True

    @property
    def is_open(self) -> bool:
        """Whether only decoding it tells what is shown: the head of a video, or all that is left.

        What a decoder makes of the first packets does not follow from their timestamps.
        """
        return self.number == 0 or self.times is None

    @property
    def repeats(self) -> bool:
        """Whether pictures share a timestamp: without the others one does not tell which it is."""
        return self.times is not None and len(set(self.times)) < len(self.times)

    def shows(self, pts: int | None) -> bool:
        """Whether a picture with this timestamp is one of the GOP's."""
        return not self.tail or pts is None or self.end is None or pts < self.end


def all_of(packets: Iterator[Packet[VideoStream]]) -> Gop:
    """Return a whole video as one GOP."""
    return Gop(
        number=0,
        first=0,
        left_out=0,
        packets=packets,
        tail=(),
        before=(),
        begin=None,
        end=None,
        times=None,
        is_steady=False,
    )


class Wanted:
    """Decides for one GOP after another whether it may hold frames to be read.

    These are frames from index ``first`` on, and from ``start`` seconds after the video's first
    frame; a margin of one second allows for inexact timestamps. Where timestamps step back, the
    position in the video is unknown, and all later GOPs are wanted. ``time_base`` is seconds per
    unit of timestamps.
    """

    def __init__(self, first: int, start: float, time_base: Fraction) -> None:
        self._first = first
        self._start = start - _LEEWAY
        self._time_base = time_base
        self._passed = 0
        self._origin: int | None = None
        self._latest: int | None = None
        self._steps_back = False

    def holds(self, gop: Gop) -> bool:
        """Whether to decode the next GOP."""
        times = gop.times
        if times is None:
            return True
        if gop.number == 0:
            # Fewer may be shown, which errs on the safe side.
            self._passed += max(len(times), sum(1 for _ in gop.packets))
            self._origin, self._latest = (times[0], times[-1]) if times else (None, None)
            return True
        self._passed += len(times)
        if self._origin is None:
            self._origin = times[0]
        if self._latest is not None and times[0] <= self._latest:
            self._steps_back = True
        self._latest = times[-1]
        ends = float((times[-1] - self._origin) * self._time_base)
        return self._passed > self._first and (self._steps_back or ends >= self._start)


def cut(packets: Iterator[Packet[VideoStream]], random_access: RandomAccess) -> Iterator[Gop]:
    """Cut a video into GOPs; each is yielded once the next one's beginning has been read.

    A cut is made only where it changes no picture: at a random access point, with timestamps that
    leave no corruption about what is shown before it; they may jump there, but no two may be the
    same. Where there is none for 4,096 packets or 64 MB, and where the video departs from what can
    be cut, all that is left becomes one last GOP.
    """
    gathering = _Gathering(random_access)
    access_point: Packet[VideoStream] | None = None
    leading: list[Packet[VideoStream]] = []
    place = 0
    for at, packet in enumerate(packets):
        if random_access.departs(packet):
            pending = [] if access_point is None else [access_point, *leading]
            rest = chain(pending, [packet], packets)
            yield gathering.all_the_rest(rest, is_steady=False)
            return
        if access_point is not None:
            if _is_before(packet, access_point):
                leading.append(packet)
                continue
            lies = packet.pts == access_point.pts and not packet.is_keyframe
            if lies or (leading and not gathering.precedes(access_point)):
                gathering.go_on(access_point, *leading)
            else:
                yield gathering.close(access_point, leading, place)
            access_point, leading = None, []
        if gathering.can_end_before(packet):
            access_point, place = packet, at
            continue
        gathering.add(packet)
        if gathering.is_too_long:
            yield gathering.all_the_rest(packets, is_steady=True)
            return
    if access_point is not None and (gathering.precedes(access_point) or not leading):
        yield gathering.close(access_point, leading, place)
    elif access_point is not None:
        gathering.go_on(access_point, *leading)
    yield from gathering.rest()


def _is_before(packet: Packet[VideoStream], access_point: Packet[VideoStream]) -> bool:
    """Whether a packet after a random access point is shown before it."""
    if packet.pts is None or access_point.pts is None or packet.is_keyframe:
        return False
    return packet.pts < access_point.pts


class _Gathering:
    """The GOP that is being gathered."""

    def __init__(self, random_access: RandomAccess) -> None:
        self._random_access = random_access
        self._number = self._first = self._left_out = 0
        self._packets: list[Packet[VideoStream]] = []
        self._before: tuple[Packet[VideoStream], ...] = ()
        self._begin: int | None = None
        self._latest: int | None = None
        self._decoded: int | None = None
        self._is_timed = True
        self._size_bytes = 0

    def add(self, packet: Packet[VideoStream]) -> None:
        if packet.pts is None or (
            packet.dts is not None and self._decoded is not None and packet.dts < self._decoded
        ):
            self._is_timed = False
        else:
            self._latest = packet.pts if self._latest is None else max(self._latest, packet.pts)
        self._decoded = packet.dts
        if not self._packets and self._random_access.is_random_access(packet):
            self._begin = packet.pts
        self._packets.append(packet)
        self._size_bytes += packet.size

    def go_on(self, *packets: Packet[VideoStream]) -> None:
        """Take packets that could have begun another GOP, but for their timestamps."""
        for packet in packets:
            self.add(packet)
        self._is_timed = False

    def can_end_before(self, packet: Packet[VideoStream]) -> bool:
        if self._number == 0 and self._begin is None:
            # What is shown of a head that begins elsewhere only decoding tells.
            return bool(self._packets) and self._random_access.is_random_access(packet)
        has_picture = self._is_timed and self._latest is not None
        return has_picture and self._random_access.is_random_access(packet)

    def precedes(self, access_point: Packet[VideoStream]) -> bool:
        """Whether all that was gathered is shown before an access point, by timestamps."""
        return self._latest is None or access_point.pts is None or access_point.pts > self._latest

    @property
    def is_too_long(self) -> bool:
        return len(self._packets) > _MOST_PACKETS or self._size_bytes > _MOST_BYTES

    def close(
        self, access_point: Packet[VideoStream], leading: list[Packet[VideoStream]], place: int
    ) -> Gop:
        """The GOP that ends where ``access_point`` begins another one, gathered from now on.

        ``place`` is the random access point's number in the video.
        """
        gop = self._gop((access_point, *leading) if leading else (), access_point.pts, leading)
        self._number += 1
        self._first, self._left_out = place, len(leading)
        self._before = tuple(self._packets)
        self._packets, self._size_bytes = [], 0
        self._begin, self._latest, self._decoded = access_point.pts, None, None
        self._is_timed = True
        self.add(access_point)
        return gop

    def rest(self) -> Iterator[Gop]:
        """The last GOP of the video, if it holds anything."""
        if self._packets:
            yield self._gop((), None, [])

    def all_the_rest(self, packets: Iterator[Packet[VideoStream]], *, is_steady: bool) -> Gop:
        return Gop(
            number=self._number,
            first=self._first,
            left_out=self._left_out,
            packets=chain(self._packets, packets),
            tail=(),
            before=self._before,
            begin=self._begin,
            end=None,
            times=None,
            is_steady=is_steady,
        )

    def _gop(
        self,
        tail: tuple[Packet[VideoStream], ...],
        end: int | None,
        leading: list[Packet[VideoStream]],
    ) -> Gop:
        shown = [
            packet.pts
            for packet in (*self._packets, *leading)
            if packet.pts is not None and self._random_access.is_shown(packet)
        ]
        is_timed = self._is_timed or (self._number == 0 and self._begin is None)
        return Gop(
            number=self._number,
            first=self._first,
            left_out=self._left_out,
            packets=tuple(self._packets),
            tail=tail,
            before=self._before,
            begin=self._begin,
            end=end,
            times=tuple(sorted(shown)) if is_timed else None,
        )
