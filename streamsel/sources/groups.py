"""A video's packets in groups of pictures, each of which can be decoded without the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.entry import Entries

_MOST_PACKETS = 4096
_MOST_BYTES = 64 << 20
_LEEWAY = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PictureGroup:
    """What lies between two places where decoding can begin.

    ``packets`` come in decoding order; the first is that of the first picture shown, except in a
    video that begins elsewhere. ``tail`` are packets of the next group that pictures shown in this
    one need; of what comes out, only what is shown before ``end`` is then the group's. ``begin`` is
    the timestamp of the first packet's picture, None where decoding cannot begin there. ``times``
    are the timestamps of all its pictures in the order they are shown, None where there are none
    to go by; it then holds all the rest of the video, and ``packets`` can be gone through once.
    ``size_bytes`` is that of its packets.
    """

    packets: Iterable[Packet[VideoStream]]
    tail: tuple[Packet[VideoStream], ...]
    begin: int | None
    end: int | None
    times: tuple[int, ...] | None
    size_bytes: int

    def shows(self, pts: int | None) -> bool:
        """Whether a picture with this timestamp is one of the group's."""
        return not self.tail or pts is None or self.end is None or pts < self.end


class Wanted:
    """Tells of one group after another whether it may hold frames that are asked for.

    Those from index ``first`` on, and from ``start`` seconds after the video's first; one
    second is left for what timestamps hide. ``time_base`` is seconds per unit of them.
    """

    def __init__(self, first: int, start: float, time_base: Fraction) -> None:
        self._first = first
        self._start = start - _LEEWAY
        self._time_base = time_base
        self._passed = 0
        self._origin: int | None = None

    def holds(self, group: PictureGroup) -> bool:
        """Whether to decode this group, the next one."""
        times = group.times
        if not times:
            return True
        self._passed += len(times)
        if self._origin is None:
            self._origin = times[0]
        ends = float((times[-1] - self._origin) * self._time_base)
        return self._passed > self._first and ends >= self._start


def cut(packets: Iterator[Packet[VideoStream]], entries: Entries) -> Iterator[PictureGroup]:
    """Cut a video into groups; each is yielded once the next one's beginning has been read.

    A cut is made only where it changes no picture: at an entry, with timestamps that leave no
    doubt about what is shown before it; they may jump there. Where there is none for 4,096 packets
    or 64 MB, all that is left becomes one last group.
    """
    gathering = _Gathering(entries)
    entry: Packet[VideoStream] | None = None
    leading: list[Packet[VideoStream]] = []
    for packet in packets:
        if entry is not None:
            if _is_before(packet, entry):
                leading.append(packet)
                continue
            if leading and not gathering.precedes(entry):
                gathering.go_on(entry, *leading)
            else:
                yield gathering.close(entry, leading)
            entry, leading = None, []
        if gathering.can_end_before(packet):
            entry = packet
            continue
        gathering.add(packet)
        if gathering.is_too_long:
            yield gathering.all_the_rest(packets)
            return
    if entry is not None and (gathering.precedes(entry) or not leading):
        yield gathering.close(entry, leading)
    elif entry is not None:
        gathering.go_on(entry, *leading)
    yield from gathering.rest()


def _is_before(packet: Packet[VideoStream], entry: Packet[VideoStream]) -> bool:
    """Whether a packet after an entry is shown before it."""
    if packet.pts is None or entry.pts is None or packet.is_keyframe:
        return False
    return packet.pts < entry.pts


class _Gathering:
    """The group that is being gathered."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._packets: list[Packet[VideoStream]] = []
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
        if not self._packets and self._entries.is_entry(packet):
            self._begin = packet.pts
        self._packets.append(packet)
        self._size_bytes += packet.size

    def go_on(self, *packets: Packet[VideoStream]) -> None:
        """Take packets that could have begun another group, but for their timestamps."""
        for packet in packets:
            self.add(packet)
        self._is_timed = False

    def can_end_before(self, packet: Packet[VideoStream]) -> bool:
        has_picture = self._is_timed and self._latest is not None
        return has_picture and self._entries.is_entry(packet)

    def precedes(self, entry: Packet[VideoStream]) -> bool:
        """Whether all that was gathered is shown before an entry, by the timestamps."""
        return self._latest is None or entry.pts is None or entry.pts > self._latest

    @property
    def is_too_long(self) -> bool:
        return len(self._packets) > _MOST_PACKETS or self._size_bytes > _MOST_BYTES

    def close(self, entry: Packet[VideoStream], leading: list[Packet[VideoStream]]) -> PictureGroup:
        """The group that ends where ``entry`` begins another one, which is gathered from now on."""
        group = self._group((entry, *leading) if leading else (), entry.pts, leading)
        self._packets, self._size_bytes = [], 0
        self._begin, self._latest, self._decoded = entry.pts, None, None
        self.add(entry)
        return group

    def rest(self) -> Iterator[PictureGroup]:
        """The last group of the video, if it holds anything."""
        if self._packets:
            yield self._group((), None, [])

    def all_the_rest(self, packets: Iterator[Packet[VideoStream]]) -> PictureGroup:
        together = chain(self._packets, packets)
        return PictureGroup(together, (), self._begin, None, None, self._size_bytes)

    def _group(
        self,
        tail: tuple[Packet[VideoStream], ...],
        end: int | None,
        leading: list[Packet[VideoStream]],
    ) -> PictureGroup:
        shown = [
            packet.pts
            for packet in (*self._packets, *leading)
            if packet.pts is not None and self._entries.is_shown(packet)
        ]
        times = tuple(sorted(shown)) if self._is_timed else None
        return PictureGroup(tuple(self._packets), tail, self._begin, end, times, self._size_bytes)
