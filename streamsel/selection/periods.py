"""One coreset per period (minute, hour, day) of an endless stream, and its progress."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from streamsel.coreset.coreset import WARM_SHARE, Coreset
from streamsel.coreset.distance import are_unit
from streamsel.coreset.values import CenterAdded, Change, Decision, Origin, Settings
from streamsel.errors import ConfigurationError
from streamsel.frame import Frame, FrameKey, Vector, Vectors
from streamsel.selection.budget import Budget
from streamsel.selection.carry_over import CarryOver
from streamsel.selection.closed_periods import ClosedPeriods

HALVINGS = 4
"""How many times the threshold halves in a period in which the set fills too slowly."""

CARRIED_OVER = 2
"""Maximum number of carried-over frames, as a multiple of a period's capacity."""


class Periods:
    """Coresets of successive periods: the current one, and those of closed periods.

    Without a period there is one coreset without end. With one, each coreset starts empty, with the
    spacing that the last one reached (``warm_spacing`` for the first). While it has fewer centers
    than its capacity times the elapsed part of the period, its threshold halves ``HALVINGS`` times
    per period, so that a period less diverse than the last still fills. A frame within the
    near-duplicate distance of a carried-over frame is covered by it. Frames of closed periods stay
    kept.

    A share is a share of the frames of a period. The expected number of frames is that of the last
    period, and sets the capacity, so that frames are chosen as if the number were known. More
    frames raise it; a period that ends with fewer is shrunk. In the first period the capacity grows
    from 1.

    Cost: none without a period; with one, each frame costs a scan of the carried-over frames in
    addition to that of the centers.
    """

    def __init__(self, budget: Budget, settings: Settings) -> None:
        """Start the first period; the capacity in ``settings`` is ignored."""
        self._budget = budget
        self._settings = settings
        self._homes: dict[FrameKey, tuple[Frame, Coreset[Frame]]] = {}
        self.period_progress = PeriodProgress()
        self.carry_over = CarryOver(settings.dim)
        self.closed = ClosedPeriods()
        self.current = self._open()

    @property
    def budget(self) -> Budget:
        """How many frames may be kept."""
        return self._budget

    @property
    def settings(self) -> Settings:
        """Settings of the next coreset."""
        return self._settings

    @property
    def keys(self) -> Collection[FrameKey]:
        """The kept frames, including those of closed periods, in no order."""
        return self._homes.keys()

    @property
    def pinned(self) -> list[FrameKey]:
        """The pinned frames, in no order."""
        coresets = [*self.closed.coresets, self.current]
        return [frame.key for coreset in coresets for frame in coreset.pinned]

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair within one period that has an unpinned frame."""
        both = (self.closed.redundancy, self.current.redundancy)
        return min((one for one in both if one is not None), default=None)

    def begin(self, time: float, frames: Sequence[Frame]) -> list[Change[Frame]]:
        """Announce a block: ``frames`` are judged next, at ``time``, which never decreases."""
        span = self._budget.span
        changes: list[Change[Frame]] = []
        index = 0 if span is None else int(time // span)
        if not self.period_progress.seen:
            self.period_progress = PeriodProgress(
                index, begun=time, now=time, expected=self.period_progress.expected
            )
        elif span is not None and index > self.period_progress.index:
            changes = self._turn(span, index, time)
        passed = self.period_progress.go(time, (frame.key for frame in frames))
        capacity = self._capacity()
        if capacity > self.current.capacity:
            changes += self._follow(self.current.resize(capacity))
        if span is not None and len(self.current) < capacity * (
            time / span - self.period_progress.index
        ):
            self.current.ease(0.5 ** (HALVINGS * passed / span))
        return changes

    def offer(
        self,
        frames: Sequence[Frame],
        vectors: Vectors,
        times: Sequence[float],
        qualities: Sequence[float],
        origins: Sequence[Origin],
    ) -> list[Decision[Frame]]:
        """Decide a block of at least one frame with ``vectors`` (N, D)."""
        known = self._recognise(frames, vectors)
        rows = [row for row in range(len(frames)) if row not in known]
        offered = self.current.offer_block(
            [frames[row] for row in rows],
            vectors[rows],
            times=[times[row] for row in rows],
            qualities=[qualities[row] for row in rows],
            origins=[origins[row] for row in rows],
        )
        for decision in offered:
            self._follow(decision.changes)
        decisions = known | dict(zip(rows, offered, strict=True))
        return [decisions[row] for row in range(len(frames))]

    def resize(self, count: int) -> list[Change[Frame]]:
        """Keep at most ``count`` frames of every period from the current one on."""
        if self._budget.share is not None:
            raise ConfigurationError("selector: its budget is a share, so it has no count")
        self._budget = replace(self._budget, count=count)
        return self._follow(self.current.resize(count))

    def set_floor(self, floor: float) -> list[Change[Frame]]:
        """Change the near-duplicate distance."""
        self._settings = replace(self._settings, floor=floor)
        return self._follow(self.current.set_floor(floor))

    def thin(self, reason: str) -> list[Change[Frame]]:
        """Evict one frame of the most redundant period; of equals, of the oldest."""
        least = self.redundancy
        if least is None:
            return []
        if least == self.closed.redundancy:
            return self._follow(self.closed.thin(reason))
        return self._follow(self.current.evict_redundant(reason))

    def remove(self, keys: Iterable[FrameKey], reason: str) -> list[Change[Frame]]:
        """Remove these frames, pinned or not; keys that are not kept are ignored.

        The nearest other frame of its period represents each, as long as there is one.
        """
        homes: dict[int, tuple[Coreset[Frame], list[Frame]]] = {}
        for key in sorted(set(keys) & self._homes.keys()):
            frame, coreset = self._homes[key]
            homes.setdefault(id(coreset), (coreset, []))[1].append(frame)
        changes: list[Change[Frame]] = []
        for coreset, frames in homes.values():
            changes += coreset.remove(frozenset(frames), reason, represented=True)
            self.closed.update(coreset)
        return self._follow(changes)

    def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin or unpin a frame; return False if it is not kept."""
        if key not in self._homes:
            return False
        frame, coreset = self._homes[key]
        done = coreset.pin(frame) if pinned else coreset.unpin(frame)
        self.closed.update(coreset)
        return done

    def learn(self, spacing: float) -> None:
        """Start the next coreset with ``spacing`` as that of an earlier run; 0: no change."""
        if spacing:
            self._settings = replace(self._settings, warm_spacing=spacing)

    def restore(
        self,
        current: Coreset[Frame],
        closed: Iterable[Coreset[Frame]],
        period_progress: PeriodProgress,
        carry_over: Sequence[tuple[Frame, Vector, bool]],
    ) -> None:
        """Continue with these coresets, oldest first, in place of the present ones."""
        self.current, self.period_progress, self.closed = current, period_progress, ClosedPeriods()
        self.carry_over.restore(carry_over)
        self._homes = {frame.key: (frame, current) for frame in current.keys}
        for coreset in closed:
            self._homes |= {frame.key: (frame, coreset) for frame in coreset.keys}
            for frame in self.closed.add(coreset):
                del self._homes[frame.key]

    def _capacity(self) -> int:
        return self._budget.capacity(max(self.period_progress.seen, self.period_progress.expected))

    def _open(self) -> Coreset[Frame]:
        """Return an empty coreset for a new period."""
        settings = self._settings
        return Coreset(
            self._capacity(),
            settings.dim,
            floor=settings.floor,
            hysteresis=settings.hysteresis,
            window=settings.window,
            warm_spacing=settings.warm_spacing,
            burst=settings.burst,
        )

    def _turn(self, span: float, index: int, time: float) -> list[Change[Frame]]:
        """Close the current period and begin that of ``index``."""
        closed = self.current
        changes: list[Change[Frame]] = []
        if self._budget.share is not None:
            changes = self._follow(closed.resize(self._budget.capacity(self.period_progress.seen)))
        full = len(closed) >= closed.capacity
        warm = closed.spacing if full else closed.threshold / WARM_SHARE
        self._settings = replace(self._settings, warm_spacing=min(2.0, warm))
        kept = [(center.key, center.vector) for center in closed.centers()]
        self.carry_over.close_period(kept, CARRIED_OVER * closed.capacity)
        for frame in self.closed.add(closed):
            del self._homes[frame.key]
        self.period_progress = self.period_progress.next(span, index, time)
        self.current = self._open()
        return changes

    def _recognise(self, frames: Sequence[Frame], vectors: Vectors) -> dict[int, Decision[Frame]]:
        """Decide the frames that are near duplicates of carried-over ones, by position."""
        if not self.carry_over.frames:
            return {}
        floor = self._settings.floor
        valid = np.flatnonzero(are_unit(vectors))
        if not len(valid):
            return {}
        places, distances = self.carry_over.nearest(vectors[valid])
        near = np.flatnonzero(distances <= floor)
        self.carry_over.mark_seen(places[near])
        return {
            int(valid[one]): Decision(
                key=frames[valid[one]],
                outcome="covered",
                reason="near-duplicate",
                distance=float(distances[one]),
                nearest=self.carry_over.frames[places[one]],
                threshold=floor,
            )
            for one in near
        }

    def _follow(self, changes: Sequence[Change[Frame]]) -> list[Change[Frame]]:
        """Record which coreset keeps each frame now."""
        gone = []
        for change in changes:
            key = change.key.key
            if isinstance(change, CenterAdded):
                self._homes[key] = (change.key, self.current)
            else:
                del self._homes[key]
                gone.append(key)
        if gone:
            self.carry_over.remove(gone)
        return list(changes)


SURE = 0.1
"""Share of a period that must have been seen for its frame rate to be used."""


@dataclass(slots=True)
class PeriodProgress:
    """The progress of a period.

    ``index`` is its number, counted from stream time 0; ``begun`` is its start, and ``now`` the
    time of its latest frame, in seconds of stream time. ``seen`` counts its frames, including
    refused ones; ``expected`` is their expected number (0: unknown). ``first`` is the index of each
    feed's first frame in it.
    """

    index: int = 0
    begun: float = 0.0
    now: float = 0.0
    seen: int = 0
    expected: int = 0
    first: dict[str, int] = field(default_factory=dict)

    def go(self, time: float, keys: Iterable[FrameKey]) -> float:
        """Advance to ``time`` with the next frames; return the seconds elapsed."""
        passed, self.now = time - self.now, time
        for key in keys:
            self.seen += 1
            self.first.setdefault(key.feed, key.index)
        return passed

    def next(self, span: float, index: int, time: float) -> PeriodProgress:
        """Return the progress of period ``index``, with its first frame at ``time``.

        The expected number of frames is that of this period, extrapolated to its full length.
        """
        lasted = (self.index + 1) * span - self.begun
        expected = round(self.seen * span / lasted) if lasted >= SURE * span else 0
        return PeriodProgress(index, begun=index * span, now=time, expected=expected)
