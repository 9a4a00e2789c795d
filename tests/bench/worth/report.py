"""The yardsticks as tables: every way of the product and every peer on the same videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.speed.tables import table
from tests.bench.worth.figures import Worth, median_of, median_share, together, told, worth_of
from tests.bench.worth.media import Media
from tests.bench.worth.peers import PEERS, Footage, NotRunError, Peer
from tests.bench.worth.ways import WAYS, Way

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A method and what it found: for each count, the worth of each video's selection.

    ``why_not`` says why it did not run; it has no worths then.
    """

    name: str
    worths: dict[int, Sequence[Worth]] = field(default_factory=dict)
    why_not: str = ""

    def found(self, count: int) -> int:
        """Events with a kept frame, over all videos."""
        return together(self.worths[count]).found


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Videos of one kind, and how many frames are kept of each."""

    videos: Sequence[Media]
    footage: Sequence[Footage]
    counts: Sequence[int]

    def rows(self, say: Say, *, replay: bool) -> list[Row]:
        """Measure all ways and peers."""
        found = []
        for way in WAYS:
            found.append(self._row_of_way(way, replay=replay))
            say(_line(found[-1]))
        for peer in PEERS:
            found.append(self._row_of_peer(peer))
            say(_line(found[-1]))
        return found

    def _row_of_way(self, way: Way, *, replay: bool) -> Row:
        pick = way.replayed if replay else way.run
        return Row(
            way.name, {count: self._worths(pick(self.footage, count)) for count in self.counts}
        )

    def _row_of_peer(self, peer: Peer) -> Row:
        try:
            return Row(peer.name, {count: self._drawn(peer, count) for count in self.counts})
        except NotRunError as reason:
            return Row(peer.name, why_not=str(reason))

    def _drawn(self, peer: Peer, count: int) -> Sequence[Worth]:
        """The draw that is the median over all videos together."""
        draws = [
            self._worths([peer.picked(one, count, seed) for one in self.footage])
            for seed in range(peer.draws)
        ]
        middle = median_of([together(draw) for draw in draws])
        return next(draw for draw in draws if together(draw) == middle)

    def _worths(self, kept: Sequence[Sequence[int]]) -> Sequence[Worth]:
        return [worth_of(one.truth, some) for one, some in zip(self.videos, kept, strict=True)]


def events_table(rows: Sequence[Row]) -> str:
    """Events found of all, the share in the median video, and what else the most frames show."""
    counts = _counts(rows)
    header = ["method", *(f"k {count}" for count in counts), f"k {counts[-1]}: not of events"]
    lines = []
    for row in rows:
        if row.why_not:
            lines.append([row.name, *["-"] * len(counts), f"not run: {row.why_not}"])
            continue
        cells = [f"{row.found(count)} ({median_share(row.worths[count]):.0%})" for count in counts]
        lines.append([row.name, *cells, told(together(row.worths[counts[-1]]).kinds) or "none"])
    return table(header, lines)


def medians_table(rows: Sequence[Row]) -> str:
    """Events found in the median video, with the fewest and the most."""
    counts = _counts(rows)
    lines = []
    for row in rows:
        if row.why_not:
            lines.append([row.name, *["-"] * (len(counts) - 1), f"not run: {row.why_not}"])
            continue
        cells = []
        for count in counts:
            found = sorted(one.found for one in row.worths[count])
            cells.append(f"{found[(len(found) - 1) // 2]} ({found[0]} to {found[-1]})")
        lines.append([row.name, *cells])
    return table(["method", *(f"k {count}" for count in counts)], lines)


def videos_table(rows: Sequence[Row], videos: Sequence[Media]) -> str:
    """Events found in each video with each count, and the junk kept of all with the most."""
    counts = _counts(rows)
    header = ["method", *(one.name for one in videos), f"k {counts[-1]}: junk"]
    lines = []
    for row in rows:
        if row.why_not:
            lines.append([row.name, *["-"] * len(videos), f"not run: {row.why_not}"])
            continue
        cells = [
            " / ".join(str(row.worths[count][place].found) for count in counts)
            for place in range(len(videos))
        ]
        lines.append([row.name, *cells, told(together(row.worths[counts[-1]]).kinds) or "none"])
    return table(header, lines)


def losses(rows: Sequence[Row], ours: str) -> str:
    """A sentence about the peers that find more events than one of our ways."""
    own = next(row for row in rows if row.name == ours)
    better = [
        f"{row.name} at k {count} ({row.found(count)} for {own.found(count)})"
        for row in rows
        if not row.why_not and not row.name.startswith("streamsel")
        for count in own.worths
        if row.found(count) > own.found(count)
    ]
    return f"More than {ours}: {'; '.join(better) or 'none'}."


def _counts(rows: Sequence[Row]) -> Sequence[int]:
    return next(list(row.worths) for row in rows if row.worths)


def _line(row: Row) -> str:
    if row.why_not:
        return f"{row.name}: not run: {row.why_not}"
    return f"{row.name}: " + ", ".join(f"{row.found(count)} at {count}" for count in row.worths)
