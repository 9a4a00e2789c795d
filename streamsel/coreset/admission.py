"""Admission to a coreset: adds and evicts centers, applies the window and the spread in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.bursts import GAIN, NOBODY, crowd
from streamsel.coreset.centers import NONE, CenterTable, Located
from streamsel.coreset.distance import FARTHEST
from streamsel.coreset.pairs import closest_pair, near_duplicates, victim
from streamsel.coreset.values import (
    AddedReason,
    CenterAdded,
    CenterRemoved,
    Change,
    K,
    Point,
    Progress,
    Settings,
)
from streamsel.coreset.window import Window


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
        self._are_apart = False

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
    def needs_times(self) -> bool:
        """Whether frames must come with their times."""
        return self._window is not None or self.settings.burst is not None

    @property
    def novelty(self) -> float:
        """A frame is admitted only if its weighted distance from every center exceeds this."""
        return self._hysteretic(self.progress.spacing) if self.full else self.progress.soft

    def threshold(self, factor: float = 1.0) -> float:
        """Return the plain distance that a frame must exceed to be admitted.

        ``factor`` is what its distance counts times: the greater of its weight and that of the
        center.
        """
        return max(self.settings.floor, self.novelty / factor)

    def refusal_bound(self, weight: float) -> float:
        """See ``Coreset.refusal_bound``."""
        if self.stuck:
            return FARTHEST
        closest = self.redundancy
        pair = 0.0 if closest is None or math.isinf(closest) else closest
        own = self._hysteretic(max(self.progress.spacing, pair))
        return min(FARTHEST, max(self.threshold(weight), own / weight))

    @property
    def redundancy(self) -> float | None:
        """See ``Coreset.redundancy``."""
        return self.table.redundancy() if self._any_movable else None

    def add(self, located: Located[K], changes: list[Change[K]]) -> CenterAdded[K] | None:
        """Make a novel point a center and evict another; None if the spread in time forbids it.

        If its burst has its frames, the point may replace the most redundant of them.
        """
        burst = self._burst(located.point)
        if not len(burst):
            admitted = self.admit(located, "novel", changes)
            self.progress.admitted += 1
            self.make_room(changes)
            return admitted
        return self._exchange(located, burst[~self.table.pinned[burst]], changes)

    def _burst(self, point: Point[K]) -> npt.NDArray[np.intp]:
        """Return the centers that leave no room for ``point`` in time."""
        limit = self.settings.burst
        return crowd(limit, self.table, point) if limit is not None and self.full else NOBODY

    def _exchange(
        self, located: Located[K], burst: npt.NDArray[np.intp], changes: list[Change[K]]
    ) -> CenterAdded[K] | None:
        """Let a point replace the most redundant center of its burst, if it is more novel.

        The spacing does not fall: the point is farther from every center than the threshold.
        """
        table = self.table
        if not len(burst):
            return None
        gone = table.most_redundant(burst)
        if table.novelty(located, without=gone) <= GAIN * table.gap[gone]:
            return None
        admitted = self.admit(located, "novel", changes)
        self.progress.exchanged += 1
        witness = self._replace(gone, int(table.neighbor[gone]), "exchanged", changes)
        self._measure_spacing()
        if self._recall(witness, changes):
            self.make_room(changes)
        return admitted

    def admit(
        self, located: Located[K], reason: AddedReason, changes: list[Change[K]]
    ) -> CenterAdded[K]:
        """Make a point a center; the set may exceed its capacity by one afterwards."""
        first = located.slot == NONE
        factor = 1.0 if first else self.table.factor(located.slot, located.point)
        admitted = CenterAdded(
            key=located.point.key,
            distance=None if first else located.distance,
            nearest=None if first else self.table.points[located.slot].key,
            threshold=self.threshold(factor),
            reason=reason,
            vector=located.point.vector,
        )
        self.table.insert(located)
        changes.append(admitted)
        return admitted

    def make_room(self, changes: list[Change[K]]) -> None:
        """Evict back to the capacity after an admission; recall witnesses that are left uncovered.

        Terminates, since each recall uses up a witness. Updates the spacing.
        """
        while self.size > self.settings.capacity:
            witness = self._evict("closest-pair", changes)
            self._measure_spacing()
            if not self._recall(witness, changes):
                return
        self._measure_spacing()

    def _recall(self, witness: Point[K] | None, changes: list[Change[K]]) -> bool:
        """Offer a witness again, if there is one; return whether it became a center."""
        if witness is None or self._forgotten(witness):
            return False
        located = self.table.locate(witness)
        cover = self._cover(located)
        if cover is None and not len(self._burst(witness)):
            self.admit(located, "recalled", changes)
            self.progress.admitted += 1
            return True
        slot, distance = cover or (located.slot, located.distance)
        self.table.absorb(slot, witness, distance)
        return False

    def _cover(self, located: Located[K]) -> tuple[int, float] | None:
        """Return the center that covers a point, and its plain distance; None: no center does."""
        table, point = self.table, located.point
        if located.distance * table.factor(located.slot, point) <= self.novelty:
            return located.slot, located.distance
        slots, away = table.plainly_nearest(point.vector[None], located.products[None])
        return (int(slots[0]), float(away[0])) if away[0] <= self.settings.floor else None

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
        self._are_apart = False
        self._separate_pairs(changes)

    def reweigh(self, feed: int) -> None:
        """Let the weights of a feed's frames count; see ``Coreset.reweigh``."""
        if not self.table.fix(feed):
            return
        progress, closest = self.progress, self.table.redundancy()
        if not self.full:
            progress.soft = min(progress.soft, closest)
        if self.size == 1:
            progress.spacing *= float(self.table.weight[0])
        self.measure_anew()

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
        self._are_apart = self._are_apart and pinned
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
        table, floor = self.table, self.settings.floor
        if self._are_apart or table.redundancy() > floor:
            return
        if table.weighted:
            for pair in near_duplicates(table, floor):
                self.keep_spacing()
                gone, survivor = victim(table, *pair, self.settings.safety)
                self._replace(gone, survivor, "near-duplicate", changes)
            self._are_apart = True
            return
        self.keep_spacing()
        while table.redundancy() <= floor:
            self._evict("near-duplicate", changes)

    def _evict(
        self, reason: str, changes: list[Change[K]], *, recallable: bool = True
    ) -> Point[K] | None:
        """Evict one of the closest pair; return its witness, if it has one."""
        gone, survivor, distance = closest_pair(self.table, self.settings.safety)
        if self.settings.capacity == 1:
            self.progress.spacing = max(self.progress.spacing, distance)
        return self._replace(gone, survivor, reason, changes, recallable=recallable)

    def _replace(
        self,
        gone: int,
        survivor: int,
        reason: str,
        changes: list[Change[K]],
        *,
        recallable: bool = True,
    ) -> Point[K] | None:
        """Evict a center for ``survivor``; return its witness, if it has one."""
        table, progress = self.table, self.progress
        if self.size > self.settings.capacity:
            closest = float(table.gap[: self.size].min())
            progress.lower_bound = max(progress.lower_bound, closest / 2)
        witness = table.witnesses[gone]
        self._hand_over(gone, survivor, reason, changes, recallable=recallable)
        return witness

    def _hand_over(
        self, gone: int, survivor: int, reason: str, changes: list[Change[K]], *, recallable: bool
    ) -> None:
        """Remove one center; ``survivor`` represents its frames from now on."""
        table = self.table
        distance = table.distance(survivor, table.points[gone])
        changes.append(
            CenterRemoved(table.points[gone].key, table.points[survivor].key, distance, reason)
        )
        table.inherit(survivor, gone, recallable=recallable)
        table.remove([gone])
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
