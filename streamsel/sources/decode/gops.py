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
    """The packets from one random access point to the next, in decoding order.

    Timestamps are in units of the stream's time base.

    Attributes:
        number: Position among the GOPs, from 0.
        first: Position of the first packet in the video, from 0.
        left_out: Number of packets after the first one that belong to the GOP before.
        packets: Its packets; may be iterable only once if ``times`` is None.
        tail: The first packet of the next GOP and its leading pictures, empty without leading ones.
            Of their pictures, those shown before ``end`` belong to this GOP.
        before: Packets of the GOP before.
        begin: Timestamp of the first packet's picture; None if decoding cannot start there.
        end: Timestamp of the next GOP's first picture; None for the last GOP.
        times: Timestamps of its pictures in presentation order, by the packets. None if they are
            unusable; it is then the last GOP.
        is_steady: False for the rest of a video that cannot be cut: its parameters may change.
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
        """Whether its pictures are known only after decoding: the first GOP, or an uncut rest.

        A decoder may drop pictures at the start of a video, whatever their timestamps.
        """
        return self.number == 0 or self.times is None

    @property
    def repeats(self) -> bool:
        """Whether pictures share a timestamp, so that one of them alone cannot be identified."""
        return self.times is not None and len(set(self.times)) < len(self.times)

    def shows(self, pts: int | None) -> bool:
        """Whether a decoded picture with this timestamp belongs to this GOP."""
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
    """Decides which GOPs may contain frames to be read. Call :meth:`holds` for every GOP in order.

    Those are frames from index ``first`` and from ``start`` seconds after the video's first frame
    on, with a margin of 1 s for inexact timestamps. After a timestamp steps back, the position in
    the video is unknown, and all later GOPs are wanted. ``time_base`` is seconds per unit of
    timestamps.
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
            # Fewer may be shown; overestimating only makes later GOPs wanted too early.
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
    """Cut a video into GOPs; each is yielded once the start of the next one has been read.

    A cut is made only where it changes no picture: at a random access point with a timestamp that
    separates the pictures shown before and after it. Timestamps may jump there, but not repeat.
    After 4,096 packets or 64 MiB without a cut, and from the first packet at which the video cannot
    be cut any more (see :meth:`RandomAccess.prevents_cut`), the rest becomes one last GOP.
    """
    builder = _GopBuilder(random_access)
    access_point: Packet[VideoStream] | None = None
    leading: list[Packet[VideoStream]] = []
    place = 0
    for at, packet in enumerate(packets):
        if random_access.prevents_cut(packet):
            pending = [] if access_point is None else [access_point, *leading]
            rest = chain(pending, [packet], packets)
            yield builder.all_the_rest(rest, is_steady=False)
            return
        if access_point is not None:
            if _is_before(packet, access_point):
                leading.append(packet)
                continue
            lies = packet.pts == access_point.pts and not packet.is_keyframe
            if lies or (leading and not builder.precedes(access_point)):
                builder.add_uncut(access_point, *leading)
            else:
                yield builder.close(access_point, leading, place)
            access_point, leading = None, []
        if builder.can_end_before(packet):
            access_point, place = packet, at
            continue
        builder.add(packet)
        if builder.is_too_long:
            yield builder.all_the_rest(packets, is_steady=True)
            return
    if access_point is not None and (builder.precedes(access_point) or not leading):
        yield builder.close(access_point, leading, place)
    elif access_point is not None:
        builder.add_uncut(access_point, *leading)
    yield from builder.rest()


def _is_before(packet: Packet[VideoStream], access_point: Packet[VideoStream]) -> bool:
    """Whether a packet that follows a random access point is shown before it."""
    if packet.pts is None or access_point.pts is None or packet.is_keyframe:
        return False
    return packet.pts < access_point.pts


class _GopBuilder:
    """Collects the packets of the current GOP."""

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

    def add_uncut(self, *packets: Packet[VideoStream]) -> None:
        """Add packets of a random access point at which timestamps prevent a cut."""
        for packet in packets:
            self.add(packet)
        self._is_timed = False

    def can_end_before(self, packet: Packet[VideoStream]) -> bool:
        if self._number == 0 and self._begin is None:
            # A video that starts between keyframes: timestamps do not tell what is shown.
            return bool(self._packets) and self._random_access.is_random_access(packet)
        has_picture = self._is_timed and self._latest is not None
        return has_picture and self._random_access.is_random_access(packet)

    def precedes(self, access_point: Packet[VideoStream]) -> bool:
        """Whether all collected packets are shown before an access point, by timestamps."""
        return self._latest is None or access_point.pts is None or access_point.pts > self._latest

    @property
    def is_too_long(self) -> bool:
        return len(self._packets) > _MOST_PACKETS or self._size_bytes > _MOST_BYTES

    def close(
        self, access_point: Packet[VideoStream], leading: list[Packet[VideoStream]], place: int
    ) -> Gop:
        """Return the GOP that ends before ``access_point``, and start the next one there.

        ``place`` is the position of the access point's packet in the video.
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
        """Yield the last GOP of the video, unless it is empty."""
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
