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
    AddedReason,
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
    """The centers of a coreset, and all changes to them; ``Coreset`` documents the guarantees.

    Methods append their changes to the list passed, in the order in which they happen. No decision
    depends on keys.
    """

    def __init__(self, settings: Settings, progress: Progress, table: CenterTable[K]) -> None:
        self.settings = settings
        self.progress = progress
        self.table = table
        self._window = None if settings.window is None else Window(settings.window)

    @property
    def size(self) -> int:
        """Number of centers."""
        return self.table.size

    @property
    def full(self) -> bool:
        """Whether the capacity is reached."""
        return self.size >= self.settings.capacity

    @property
    def stuck(self) -> bool:
        """Whether the set is full and no center may be evicted."""
        return self.full and not self._any_movable

    @property
    def threshold(self) -> float:
        """A frame is admitted if its distance from the nearest center exceeds this."""
        own = self._hysteretic(self.progress.spacing) if self.full else self.progress.soft
        return max(self.settings.floor, own)

    @property
    def refusal_bound(self) -> float:
        """See ``Coreset.refusal_bound``."""
        if self.stuck:
            return FARTHEST
        closest = self.redundancy
        pair = 0.0 if closest is None or math.isinf(closest) else closest
        own = self._hysteretic(max(self.progress.spacing, pair))
        return min(FARTHEST, max(self.threshold, own))

    @property
    def redundancy(self) -> float | None:
        """See ``Coreset.redundancy``."""
        return self.table.redundancy() if self._any_movable else None

    def admit(
        self, located: Located[K], reason: AddedReason, changes: list[Change[K]]
    ) -> CenterAdded[K]:
        """Make a point a center; the set may exceed its capacity by one afterwards."""
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
        """Evict back to the capacity after an admission; recall witnesses that are left uncovered.

        Terminates, since each recall uses up a witness. Updates the spacing.
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
        """Evict near duplicates and centers beyond the capacity that an unpinning left."""
        self._separate_pairs(changes)
        self.shrink(changes)

    def shrink(self, changes: list[Change[K]]) -> None:
        """Evict unpinned centers beyond the capacity."""
        if self.size <= self.settings.capacity:
            return
        while self.size > self.settings.capacity and self._any_movable:
            self._evict("resized", changes)
        self._measure_spacing()

    def resize(self, capacity: int, changes: list[Change[K]]) -> None:
        """Change the capacity; see ``Coreset.resize``."""
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
        """Lower the threshold while the set is not full; see ``Coreset.ease``."""
        progress = self.progress
        if not self.full:
            progress.soft *= share
            progress.spacing = min(progress.spacing, progress.soft)

    def set_floor(self, floor: float, changes: list[Change[K]]) -> None:
        """Change the near-duplicate distance; see ``Coreset.set_floor``."""
        self.settings = replace(self.settings, floor=floor)
        self._separate_pairs(changes)

    def thin(self, reason: str, changes: list[Change[K]]) -> None:
        """Evict one center; see ``Coreset.evict_redundant``."""
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
        """Remove the centers with a wanted key, pinned or not; see ``Coreset.remove``."""
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
        """Pin or unpin the centers with a wanted key; return whether there is one."""
        table = self.table
        slots = [slot for slot, point in enumerate(table.points) if wanted(point.key)]
        table.pinned[slots] = pinned
        self._measure_spacing()
        return bool(slots)

    def keep_spacing(self) -> None:
        """Make the spacing of a full set the threshold, before it loses centers."""
        if self.full:
            self.progress.soft = self.progress.spacing

    def measure_anew(self) -> None:
        """Compute the spacing of centers that came from elsewhere."""
        self.progress.spacing = min(self.progress.spacing, self.table.redundancy())
        self._measure_spacing()

    def advance(self, time: float, changes: list[Change[K]]) -> None:
        """Advance the clock to ``time`` (it never goes back) and remove expired centers."""
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

    def _separate_pairs(self, changes: list[Change[K]]) -> None:
        """Evict one of each pair within ``floor``, the closest first, unless both are pinned."""
        if self.table.redundancy() > self.settings.floor:
            return
        self.keep_spacing()
        while self.table.redundancy() <= self.settings.floor:
            self._evict("near-duplicate", changes)

    def _evict(
        self, reason: str, changes: list[Change[K]], *, recallable: bool = True
    ) -> Point[K] | None:
        """Evict one of the closest pair; return its witness, if it has one."""
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
        """Remove one center; ``survivor`` represents its frames from now on."""
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
        """Remove the centers in ``slots`` without a successor."""
        changes += [
            CenterRemoved(self.table.points[slot].key, None, None, reason) for slot in slots
        ]
        self.progress.evicted += len(slots)
        self.table.remove(slots)

    def _measure_spacing(self) -> None:
        """Update the spacing of a full set. It falls only with a window, which frees places."""
        if self.size < max(2, self.settings.capacity):
            return
        spacing = self.table.redundancy()
        held = 0.0 if self._window else self.progress.spacing
        if not math.isinf(spacing):
            self.progress.spacing = max(held, spacing)

    def _forgotten(self, point: Point[K]) -> bool:
        """Whether ``point`` is older than the window."""
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
    """Return the decision for a frame that became a center."""
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
    """Let the center in ``slot`` represent ``point``; return the decision."""
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
"""How many times the threshold halves within a window while the set is not full."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time window: the last ``span`` seconds of a feed, by the times of its frames.

    A center expires if neither it nor a frame that it covers was seen for ``span`` seconds. While
    the set is not full its threshold halves every quarter of the span, so that free places fill
    again. Scenes that return within the span survive, because a center counts as seen whenever it
    covers a frame.
    """

    span: float

    def horizon(self, clock: float) -> float:
        """Return the time, in seconds, before which frames are out of the window at ``clock``.

        >>> Window(span=8.0).horizon(clock=100.0)
        92.0
        """
        return clock - self.span

    def shrinkage(self, before: float, now: float) -> float:
        """Return the factor by which the threshold of a non-full set shrinks over a time span.

        From ``before`` to ``now``, in seconds. ``before`` may be -inf; the factor is then 1.

        >>> Window(span=8.0).shrinkage(before=100.0, now=102.0)
        0.5
        """
        elapsed = 0.0 if math.isinf(before) else now - before
        return float(0.5 ** (elapsed * HALVINGS / self.span))
