"""The online coreset: the few frames that stand for all that were seen, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Generic, Literal

import numpy as np
import numpy.typing as npt

from streamsel.coreset.arrival import arrivals, block_of, qualities_of, times_of
from streamsel.coreset.block import Block
from streamsel.coreset.centers import NONE, CenterTable, Located
from streamsel.coreset.decision import Admitted, Center, Change, Decision, K, Point, Removed
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.state import Progress, Settings
from streamsel.coreset.window import Window

WARM_SHARE = 0.85
"""The part of an earlier run's spacing that a warm start asks for: .75 to 1 of it hardly churns,
and over 1.5 times what this run will reach would leave the set short of its capacity."""


class Coreset(Generic[K]):
    """At most ``capacity`` centers, far from each other and near to every frame ever offered.

    A frame within the threshold of its nearest center is absorbed: that center answers for it.
    Any other is admitted. Once the set is full the threshold is ``(1 + hysteresis) * spacing``,
    where the spacing is the smallest distance between two centers, and an admission sends away
    one of the closest pair of centers: that whose second-nearest neighbour is nearer (the later
    one if equal), unless the survivor would then answer for frames beyond ``safety`` times the
    pair's distance and the other choice is better. The survivor answers for the victim and all
    that the victim stood for, but the farthest frame that the victim had absorbed, its *witness*,
    is offered once more and may be *recalled* as a center. Until the set is full the threshold is
    zero, or with ``warm_spacing``, the ``spacing`` of an earlier run on the like, 0.85 of that;
    without a ``window`` this does not decay. It is never below ``floor``, the distance up to
    which frames are near duplicates.

    With a ``window``, in seconds, centers not seen for so long expire, and while the set is not
    full the threshold halves every quarter of it. All times must then be given.

    What holds, at any time unless said otherwise:

    - There are at most ``capacity`` centers, and any two are more than ``floor`` apart.
    - A frame that is absorbed on arrival is within ``max(floor, (1 + hysteresis) * spacing)`` of
      a center when its call returns, if the set is full. It is then also within
      ``max(floor, 2 * (1 + hysteresis) * OPT)``, OPT being the smallest radius with which
      ``capacity`` of the frames so far could have covered all: the centers and the frame are one
      point more than that.
    - Every valid frame so far is within ``coverage_bound`` of a center; with a window every one
      of the window. This is a certificate, computed as the stream goes by. No constant bounds it
      against OPT in the worst case (in practice it is 4 to 10 times ``lower_bound``); lazy
      threshold levels would give the 8 of Charikar, Chekuri, Feder, Motwani (STOC 1997, section
      3), at a third less diversity.
    - ``lower_bound`` is at most OPT: there have been ``capacity + 1`` frames at least twice as
      far apart, two of which any ``capacity`` balls must share (Gonzalez 1985, theorem 2.2).
    - Without a window the spacing never falls once the set is full, and however long the stream,
      there are at most ``capacity * (2 + floor(log(end / start) / log(1 + hysteresis)))``
      admissions, ``start`` being the spacing when the set became full and ``end`` the present
      one. For while the spacing grows by less than the factor, newcomers are too far from
      everything to be part of a closest pair, so each sends away one of the centers from before.
    - Decisions depend on the frames, their order, their blocks, times and qualities alone: not on
      keys, the BLAS, the number of threads or the batches of the embedder. Ties go to the frame
      that was offered first.
    - A key is referred to only while its frame is a center or the witness of one.

    Cost: a frame that is absorbed is one scan, ``O(capacity * dim)`` (in a block, its share of one
    matrix product); an admission about 7. Memory: three vectors for each center.

    >>> coreset = Coreset[str](capacity=2, dim=2)
    >>> coreset.offer("east", np.array([1.0, 0.0])).outcome
    'admitted'
    >>> coreset.offer("north", np.array([0.0, 1.0])).changes[0].nearest
    'east'
    >>> decision = coreset.offer("north by west", np.array([-0.1, 0.995]) / np.hypot(0.1, 0.995))
    >>> decision.outcome, decision.nearest, round(decision.distance, 2)
    ('absorbed', 'north', 0.1)

    Args:
        capacity: Most centers, at least 1.
        dim: Length of a vector.
        floor: Distance, 0..2, up to which two frames are near duplicates.
        hysteresis: By what part a newcomer must beat the spacing; with 0 there is no bound on
            the number of admissions.
        window: Seconds after which what was not seen again is forgotten; None: never.
        warm_spacing: The ``spacing`` an earlier run on the like had reached.
        safety: Multiple of the closest pair's distance beyond which reach decides who goes.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    def __init__(
        self,
        capacity: int,
        dim: int,
        *,
        floor: float = 0.0,
        hysteresis: float = 0.1,
        window: float | None = None,
        warm_spacing: float = 0.0,
        safety: float = 4.0,
    ) -> None:
        self._settings = Settings(
            capacity=capacity,
            dim=dim,
            floor=floor,
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
            safety=safety,
        )
        self._table: CenterTable[K] = CenterTable(capacity + 1, dim)
        self._window = None if window is None else Window(window)
        self._progress = Progress(soft=WARM_SHARE * warm_spacing)

    def __len__(self) -> int:
        return self._table.size

    @property
    def capacity(self) -> int:
        """Most centers."""
        return self._settings.capacity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._settings.dim

    @property
    def floor(self) -> float:
        """Distance up to which two frames are near duplicates."""
        return self._settings.floor

    @property
    def spacing(self) -> float:
        """Smallest distance between two centers when the set was last full; 0 before it ever was.

        For a capacity of 1, that of the last two that were compared.
        """
        return self._progress.spacing

    @property
    def threshold(self) -> float:
        """What a frame's distance from its nearest center must exceed for it to be admitted."""
        full = self._table.size >= self.capacity
        return max(self.floor, self._hysteretic_spacing if full else self._progress.soft)

    @property
    def coverage_bound(self) -> float:
        """Every valid frame so far (with a window: within it) is this near to a center."""
        return float(self._table.reach[: self._table.size].max(initial=0.0))

    @property
    def lower_bound(self) -> float:
        """No choice of ``capacity`` of all frames so far covers them with a smaller radius."""
        return self._progress.lower_bound

    @property
    def admitted(self) -> int:
        """How often a frame became a center."""
        return self._progress.admitted

    @property
    def evicted(self) -> int:
        """How often a center was removed, expired ones included."""
        return self._progress.evicted

    @property
    def rejected(self) -> int:
        """How many frames had no valid vector."""
        return self._progress.rejected

    @property
    def keys(self) -> tuple[K, ...]:
        """The keys of the centers, in the order their frames were offered."""
        return tuple(self._table.points[slot].key for slot in self._table.order())

    def centers(self) -> tuple[Center[K], ...]:
        """Return the centers, in the order their frames were offered."""
        return tuple(self._table.describe(slot) for slot in self._table.order())

    def offer(
        self,
        key: K,
        vector: npt.ArrayLike,
        *,
        time: float | None = None,
        quality: float = 0.0,
    ) -> Decision[K]:
        """Offer one frame and decide it at once: a block of one, see :meth:`offer_block`."""
        vectors = np.asarray(vector)[None]
        times = None if time is None else [time]
        return self.offer_block([key], vectors, times=times, qualities=[quality])[0]

    def offer_block(
        self,
        keys: Sequence[K],
        vectors: npt.ArrayLike,
        *,
        times: Sequence[float] | None = None,
        qualities: Sequence[float] | None = None,
    ) -> list[Decision[K]]:
        """Offer a block of frames, of which the farthest from the centers is admitted first.

        That is repeated until all others are within the threshold; these are absorbed. Where the
        one to be admitted has near duplicates of higher ``quality`` in the block that are beyond
        the threshold too, the best of them is admitted in its place. It then stands for the
        other, which is within ``floor``, and everything the class promises holds as before: no
        promise rests on the order within a block, only on every newcomer's distance exceeding
        the threshold. With equal qualities the order is the plain one.

        What expires (by the earliest time in the block) does so before.

        Args:
            keys: N names, in order of arrival; equal ones are not told apart.
            vectors: (N, D) float32 unit vectors. Invalid ones are rejected and change nothing.
            times: N seconds; must be given where there is a window.
            qualities: N finite numbers, the higher the better, such as sharpness.

        Returns:
            N decisions in the order of ``keys``.

        Raises:
            ConfigurationError: A shape or length is wrong, a time is missing where there is a
                window, or a time or quality is not finite. The coreset has not changed.
        """
        block = block_of(vectors, len(keys), self.dim)  # (N, D)
        moments = times_of(times, len(keys), needed=self._window is not None)
        merits = qualities_of(qualities, len(keys))
        points = arrivals(keys, block, moments, merits, first=self._progress.offered)
        valid = [point for point in points if point is not None]
        self._progress.offered += len(points)
        self._progress.rejected += len(points) - len(valid)
        decided = iter(self._decide(valid) if valid else ())
        return [
            Decision(key, "rejected", "invalid", None, None, None)
            if point is None
            else next(decided)
            for key, point in zip(keys, points, strict=True)
        ]

    def snapshot(self) -> Snapshot[K]:
        """Return all there is to know, to continue from later with identical decisions."""
        return Snapshot.of(self._settings, replace(self._progress), self._table)

    @classmethod
    def restore(cls, snapshot: Snapshot[K]) -> Coreset[K]:
        """Return a coreset that continues where ``snapshot`` was taken."""
        coreset: Coreset[K] = cls(**asdict(snapshot.settings))
        coreset._progress = replace(snapshot.progress)
        coreset._table = snapshot.table()
        return coreset

    @property
    def _hysteretic_spacing(self) -> float:
        return (1.0 + self._settings.hysteresis) * self._progress.spacing

    def _decide(self, points: Sequence[Point[K]]) -> list[Decision[K]]:
        """Decide the valid frames of a block, at least one."""
        journal: list[list[Change[K]]] = [[] for _ in points]
        admissions: dict[int, Admitted[K]] = {}
        self._expire(min(point.time for point in points), journal[0])
        block = Block(points, self._table)
        latest = 0
        while (row := block.next(self.threshold, self.floor)) is not None:
            # Changes hang on the latest frame so far, so that read in order they can be replayed.
            latest = max(latest, row)
            admissions[row] = self._admit(block.take(row), "novel", journal[latest])
            self._make_room(journal[latest])
            block.refresh()
        return [
            self._absorption(point, int(block.slot[row]), float(block.distance[row]), journal[row])
            if row not in admissions
            else self._admission(admissions[row], journal[row])
            for row, point in enumerate(points)
        ]

    def _admission(self, admitted: Admitted[K], changes: Sequence[Change[K]]) -> Decision[K]:
        """Return the decision about a frame that became a center."""
        return Decision(
            key=admitted.key,
            outcome="admitted",
            reason="novel",
            distance=admitted.distance,
            nearest=admitted.nearest,
            threshold=admitted.threshold,
            changes=tuple(changes),
        )

    def _absorption(
        self, point: Point[K], slot: int, distance: float, changes: Sequence[Change[K]]
    ) -> Decision[K]:
        """Let the center in ``slot`` answer for ``point`` and return the decision about it."""
        self._table.absorb(slot, point, distance)
        return Decision(
            key=point.key,
            outcome="absorbed",
            reason="near-duplicate" if distance <= self.floor else "covered",
            distance=distance,
            nearest=self._table.points[slot].key,
            threshold=self.threshold,
            changes=tuple(changes),
        )

    def _admit(
        self,
        located: Located[K],
        reason: Literal["novel", "recalled"],
        changes: list[Change[K]],
    ) -> Admitted[K]:
        """Make a point a center; the set may hold one too many then."""
        first = located.slot == NONE
        admitted = Admitted(
            key=located.point.key,
            distance=None if first else located.distance,
            nearest=None if first else self._table.points[located.slot].key,
            threshold=self.threshold,
            reason=reason,
        )
        self._table.insert(located)
        self._progress.admitted += 1
        changes.append(admitted)
        return admitted

    def _make_room(self, changes: list[Change[K]]) -> None:
        """Bring the set back to its capacity, and recall witnesses that are left uncovered.

        Each recall uses up a witness, so this ends. Afterwards the spacing is up to date.
        """
        while len(self) > self.capacity:
            witness = self._evict(changes)
            self._measure_spacing()
            if witness is None or self._forgotten(witness):
                return
            located = self._table.locate(witness)
            if located.distance <= self.threshold:
                self._table.absorb(located.slot, witness, located.distance)
                return
            self._admit(located, "recalled", changes)
        self._measure_spacing()

    def _evict(self, changes: list[Change[K]]) -> Point[K] | None:
        """Remove one of the closest pair of centers; return what it was the farthest to absorb."""
        table, progress = self._table, self._progress
        victim, survivor, distance = table.closest_pair(self._settings.safety)
        progress.lower_bound = max(progress.lower_bound, distance / 2)
        if self.capacity == 1:
            progress.spacing = max(progress.spacing, distance)
        witness = table.witnesses[victim]
        removed = Removed(
            table.points[victim].key, table.points[survivor].key, distance, "closest-pair"
        )
        table.inherit(survivor, victim)
        table.remove([victim])
        progress.evicted += 1
        changes.append(removed)
        return witness

    def _measure_spacing(self) -> None:
        """Take the spacing of a full set. Only a window, which empties places, lets it fall."""
        if len(self) < max(2, self.capacity):
            return
        spacing = float(self._table.gap[: len(self)].min())
        held = 0.0 if self._window else self._progress.spacing
        self._progress.spacing = max(held, spacing)

    def _forgotten(self, point: Point[K]) -> bool:
        """Tell whether ``point`` is older than the window."""
        if self._window is None:
            return False
        return point.time < self._window.horizon(self._progress.clock)

    def _expire(self, time: float, changes: list[Change[K]]) -> None:
        """Move the clock on to ``time``, which never goes back, and let go of what is too old."""
        if self._window is None:
            return
        progress, table = self._progress, self._table
        before, progress.clock = progress.clock, max(progress.clock, time)
        if len(self) >= self.capacity:
            progress.soft = self._hysteretic_spacing
        else:
            progress.soft *= self._window.shrinkage(before, progress.clock)
        old = np.flatnonzero(table.last[: len(self)] < self._window.horizon(progress.clock))
        if not len(old):
            return
        expired = sorted(old.tolist(), key=lambda slot: int(table.sequence[slot]))
        changes += [Removed(table.points[slot].key, None, None, "expired") for slot in expired]
        progress.evicted += len(expired)
        table.remove(expired)
