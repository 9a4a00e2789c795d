"""Admission to a coreset: adds and evicts centers, decides blocks of frames, applies the window."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal

import numpy as np

from streamsel.coreset.block import Block
from streamsel.coreset.centers import NONE, CenterTable, Located
from streamsel.coreset.distance import FARTHEST, distances
from streamsel.coreset.values import (
    CenterAdded,
    CenterRemoved,
    Change,
    Decision,
    K,
    Point,
    Progress,
    Settings,
)


class Members(Generic[K]):
    """The centers of a coreset, and every change of them; ``Coreset`` says what holds.

    Changes are appended to the list that is passed, in the order they happen. None of them
    depends on keys.
    """

    def __init__(self, settings: Settings, progress: Progress, table: CenterTable[K]) -> None:
        self.settings = settings
        self.progress = progress
        self.table = table
        self._window = None if settings.window is None else Window(settings.window)

    @property
    def size(self) -> int:
        """How many there are."""
        return self.table.size

    @property
    def full(self) -> bool:
        """Whether a newcomer would be one too many."""
        return self.size >= self.settings.capacity

    @property
    def stuck(self) -> bool:
        """Whether there is neither room nor anyone who may be evicted for a newcomer."""
        return self.full and not self._any_movable

    @property
    def threshold(self) -> float:
        """What a frame's distance from its nearest center must exceed for it to be admitted."""
        own = self._hysteretic(self.progress.spacing) if self.full else self.progress.soft
        return max(self.settings.floor, own)

    @property
    def refusal_bound(self) -> float:
        """How far a frame may be from its center that is refused before the set changes next."""
        if self.stuck:
            return FARTHEST
        closest = self.redundancy
        pair = 0.0 if closest is None or math.isinf(closest) else closest
        own = self._hysteretic(max(self.progress.spacing, pair))
        return min(FARTHEST, max(self.threshold, own))

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair with one that may go, inf: there is none but one may."""
        return self.table.redundancy() if self._any_movable else None

    def admit(
        self, located: Located[K], reason: Literal["novel", "recalled"], changes: list[Change[K]]
    ) -> CenterAdded[K]:
        """Make a point a center; there may be one too many then."""
        first = located.slot == NONE
        admitted = CenterAdded(
            key=located.point.key,
            distance=None if first else located.distance,
            nearest=None if first else self.table.points[located.slot].key,
            threshold=self.threshold,
            reason=reason,
            vector=located.point.vector,
        )
        self.table.insert(located)
        self.progress.admitted += 1
        changes.append(admitted)
        return admitted

    def make_room(self, changes: list[Change[K]]) -> None:
        """After an admission, get back to the capacity; recall witnesses left uncovered.

        Each recall uses up a witness, so this ends. Afterwards the spacing is up to date.
        """
        while self.size > self.settings.capacity:
            witness = self._evict("closest-pair", changes)
            self._measure_spacing()
            if witness is None or self._forgotten(witness):
                return
            located = self.table.locate(witness)
            if located.distance <= self.threshold:
                self.table.absorb(located.slot, witness, located.distance)
                return
            self.admit(located, "recalled", changes)
        self._measure_spacing()

    def settle(self, changes: list[Change[K]]) -> None:
        """Evict what an unpinning has left: near duplicates, and what exceeds the capacity."""
        self._part(changes)
        self.shrink(changes)

    def shrink(self, changes: list[Change[K]]) -> None:
        """Evict, but for pinned ones, what exceeds the capacity."""
        if self.size <= self.settings.capacity:
            return
        while self.size > self.settings.capacity and self._any_movable:
            self._evict("resized", changes)
        self._measure_spacing()

    def resize(self, capacity: int, changes: list[Change[K]]) -> None:
        """Let ``capacity`` be the most; see ``Coreset.resize``."""
        progress, before = self.progress, self.settings.capacity
        if capacity > before:
            share = before / capacity
            progress.soft = share * (progress.spacing if self.full else progress.soft)
            progress.spacing *= share
            progress.lower_bound = 0.0
        self.settings = replace(self.settings, capacity=capacity)
        self.table.reserve(capacity + 1)
        self.shrink(changes)
        self._measure_spacing()

    def ease(self, share: float) -> None:
        """Lower the threshold while there is room; see ``Coreset.ease``."""
        progress = self.progress
        if not self.full:
            progress.soft *= share
            progress.spacing = min(progress.spacing, progress.soft)

    def set_floor(self, floor: float, changes: list[Change[K]]) -> None:
        """Let ``floor`` be the floor; see ``Coreset.set_floor``."""
        self.settings = replace(self.settings, floor=floor)
        self._part(changes)

    def thin(self, reason: str, changes: list[Change[K]]) -> None:
        """Evict one; see ``Coreset.evict_redundant``."""
        table, progress, redundancy = self.table, self.progress, self.redundancy
        if redundancy is None:
            return
        self.keep_spacing()
        if math.isinf(redundancy):
            self._remove([int(np.flatnonzero(~table.pinned[: self.size])[0])], reason, changes)
            return
        self._evict(reason, changes, recallable=False)
        left = table.redundancy()
        level = redundancy if math.isinf(left) else left
        progress.spacing = max(progress.spacing, level)
        progress.soft = max(progress.soft, self._hysteretic(level))

    def remove(
        self, wanted: Callable[[K], bool], reason: str, changes: list[Change[K]], represented: bool
    ) -> None:
        """Remove those with a wanted key, pinned or not; see ``Coreset.remove``."""
        points = self.table.points
        slots = [slot for slot in self.table.order() if wanted(points[slot].key)]
        if not slots:
            return
        self.keep_spacing()
        if not represented:
            self._remove(slots, reason, changes)
            return
        for gone in [points[slot] for slot in slots]:
            slot = points.index(gone)
            near = int(self.table.neighbor[slot])
            if near == NONE:
                self._remove([slot], reason, changes)
            else:
                self._hand_over(slot, near, reason, changes, recallable=False)

    def pin(self, wanted: Callable[[K], bool], pinned: bool) -> bool:
        """Pin or unpin those with a wanted key; tell whether there is one."""
        table = self.table
        slots = [slot for slot, point in enumerate(table.points) if wanted(point.key)]
        table.pinned[slots] = pinned
        self._measure_spacing()
        return bool(slots)

    def keep_spacing(self) -> None:
        """Before a full set loses some: newcomers must still be as far away as centers are."""
        if self.full:
            self.progress.soft = self.progress.spacing

    def measure_anew(self) -> None:
        """Take the spacing of centers that came from elsewhere."""
        self.progress.spacing = min(self.progress.spacing, self.table.redundancy())
        self._measure_spacing()

    def advance(self, time: float, changes: list[Change[K]]) -> None:
        """Move the clock on to ``time``, which never goes back, and let go of what is too old."""
        if self._window is None:
            return
        progress, table = self.progress, self.table
        before, progress.clock = progress.clock, max(progress.clock, time)
        if self.full:
            progress.soft = self._hysteretic(progress.spacing)
        else:
            progress.soft *= self._window.shrinkage(before, progress.clock)
        old = table.last[: self.size] < self._window.horizon(progress.clock)
        expired = np.flatnonzero(old & ~table.pinned[: self.size]).tolist()
        if expired:
            expired.sort(key=lambda slot: int(table.sequence[slot]))
            self._remove(expired, "expired", changes)

    @property
    def _any_movable(self) -> bool:
        return not bool(self.table.pinned[: self.size].all())

    def _hysteretic(self, spacing: float) -> float:
        return (1.0 + self.settings.hysteresis) * spacing

    def _part(self, changes: list[Change[K]]) -> None:
        """Evict one of each pair within the floor, the closest first, unless both are pinned."""
        if self.table.redundancy() > self.settings.floor:
            return
        self.keep_spacing()
        while self.table.redundancy() <= self.settings.floor:
            self._evict("near-duplicate", changes)

    def _evict(
        self, reason: str, changes: list[Change[K]], *, recallable: bool = True
    ) -> Point[K] | None:
        """Remove one of the closest pair of centers; return what it was the farthest to absorb."""
        table, progress = self.table, self.progress
        victim, survivor, distance = table.closest_pair(self.settings.safety)
        if self.size > self.settings.capacity:
            closest = float(table.gap[: self.size].min())
            progress.lower_bound = max(progress.lower_bound, closest / 2)
        if self.settings.capacity == 1:
            progress.spacing = max(progress.spacing, distance)
        witness = table.witnesses[victim]
        self._hand_over(victim, survivor, reason, changes, recallable=recallable)
        return witness

    def _hand_over(
        self, victim: int, survivor: int, reason: str, changes: list[Change[K]], *, recallable: bool
    ) -> None:
        """Remove one center, for which another answers from now on."""
        table = self.table
        near = table.vectors[survivor : survivor + 1]
        distance = float(distances(near, table.points[victim].vector)[0])
        changes.append(
            CenterRemoved(table.points[victim].key, table.points[survivor].key, distance, reason)
        )
        table.inherit(survivor, victim, recallable=recallable)
        table.remove([victim])
        self.progress.evicted += 1

    def _remove(self, slots: list[int], reason: str, changes: list[Change[K]]) -> None:
        """Remove the centers in ``slots``, for whom nothing stands in."""
        changes += [
            CenterRemoved(self.table.points[slot].key, None, None, reason) for slot in slots
        ]
        self.progress.evicted += len(slots)
        self.table.remove(slots)

    def _measure_spacing(self) -> None:
        """Take the spacing of a full set. Only a window, which empties places, lets it fall."""
        if self.size < max(2, self.settings.capacity):
            return
        spacing = self.table.redundancy()
        held = 0.0 if self._window else self.progress.spacing
        if not math.isinf(spacing):
            self.progress.spacing = max(held, spacing)

    def _forgotten(self, point: Point[K]) -> bool:
        """Tell whether ``point`` is older than the window."""
        if self._window is None:
            return False
        return point.time < self._window.horizon(self.progress.clock)


def decide(members: Members[K], points: Sequence[Point[K]]) -> list[Decision[K]]:
    """Decide valid frames, at least one, in order of arrival; see ``Coreset.offer_block``."""
    journal: list[list[Change[K]]] = [[] for _ in points]
    admissions: dict[int, CenterAdded[K]] = {}
    members.settle(journal[0])
    members.advance(min(point.time for point in points), journal[0])
    block = Block(points, members.table)
    latest = 0
    while not members.stuck:
        row = block.next(members.threshold, members.settings.floor)
        if row is None:
            break
        # Changes hang on the latest frame so far, so that read in order they can be replayed.
        latest = max(latest, row)
        admissions[row] = members.admit(block.take(row), "novel", journal[latest])
        members.make_room(journal[latest])
        block.refresh()
    return [
        _absorption(members, point, int(block.slot[row]), float(block.distance[row]), journal[row])
        if row not in admissions
        else _admission(admissions[row], journal[row])
        for row, point in enumerate(points)
    ]


def _admission(admitted: CenterAdded[K], changes: Sequence[Change[K]]) -> Decision[K]:
    """Return the decision about a frame that became a center."""
    return Decision(
        key=admitted.key,
        outcome="kept",
        reason="novel",
        distance=admitted.distance,
        nearest=admitted.nearest,
        threshold=admitted.threshold,
        changes=tuple(changes),
    )


def _absorption(
    members: Members[K], point: Point[K], slot: int, distance: float, changes: Sequence[Change[K]]
) -> Decision[K]:
    """Let the center in ``slot`` answer for ``point`` and return the decision about it."""
    threshold = members.threshold
    reason: Literal["near-duplicate", "covered", "full"] = "full"
    if distance <= threshold:
        reason = "near-duplicate" if distance <= members.settings.floor else "covered"
    members.table.absorb(slot, point, distance)
    return Decision(
        key=point.key,
        outcome="covered",
        reason=reason,
        distance=distance,
        nearest=members.table.points[slot].key,
        threshold=threshold,
        changes=tuple(changes),
    )


HALVINGS = 4
"""How often within a window the threshold halves while the set is not full."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last ``span`` seconds of a feed, by the times of its frames.

    A center that was not seen for ``span`` seconds is let go. A place that was freed has to be
    filled again, so while the set is not full its threshold halves every quarter of the span.
    Scenes that return within the span survive, because a center is seen whenever it absorbs.
    """

    span: float

    def horizon(self, clock: float) -> float:
        """Return the time, in seconds, before which what was last seen is forgotten at ``clock``.

        >>> Window(span=8.0).horizon(clock=100.0)
        92.0
        """
        return clock - self.span

    def shrinkage(self, before: float, now: float) -> float:
        """Return by which factor the threshold of a set that is not full shrinks meanwhile.

        ``before`` may be -inf, then nothing was and the factor is 1.

        >>> Window(span=8.0).shrinkage(before=100.0, now=102.0)
        0.5
        """
        elapsed = 0.0 if math.isinf(before) else now - before
        return float(0.5 ** (elapsed * HALVINGS / self.span))
