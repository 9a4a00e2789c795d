"""The online coreset: a one-pass k-center summary of a stream of vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.admission import Members, decide
from streamsel.coreset.centers import CenterTable
from streamsel.coreset.distance import FARTHEST
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import (
    Center,
    Change,
    Decision,
    K,
    Progress,
    Settings,
    arrivals,
    block_of,
    qualities_of,
    times_of,
)
from streamsel.frame import Vectors

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

    A center that is pinned neither expires nor is it evicted: the closest pair is then that of
    which one is not pinned. Where no one may go, frames beyond the threshold are absorbed all the
    same, and their reason is ``full``.

    What holds, at any time unless said otherwise, and if it speaks of the spacing, of OPT or of
    admissions, then as long as nothing is pinned, the capacity does not grow and the threshold is
    not eased:

    - There are at most ``capacity`` centers, or the pinned ones. Any two are more than ``floor``
      apart, unless both are pinned and were when it rose. What an unpinning leaves beyond that
      goes at the next offer.
    - A frame that is absorbed on arrival is within ``max(floor, (1 + hysteresis) * spacing)`` of
      a center when its call returns, if the set is full. It is then also within
      ``max(floor, 2 * (1 + hysteresis) * OPT)``, OPT being the smallest radius with which
      ``capacity`` of the frames so far could have covered all: the centers and the frame are one
      point more than that.
    - Every valid frame so far is within ``coverage_bound`` of a center, but those that only removed
      centers stood for; with a window every one of the window. This is a certificate, computed as
      the stream goes by. No constant bounds it against OPT in the worst case (in practice it is 4
      to 10 times ``lower_bound``); lazy threshold levels would give the 8 of Charikar, Chekuri,
      Feder, Motwani (STOC 1997, section 3), at a third less diversity.
    - ``lower_bound`` is at most OPT: there have been ``capacity + 1`` frames at least twice as
      far apart, two of which any ``capacity`` balls must share (Gonzalez 1985, theorem 2.2). That
      holds with pins too.
    - Without a window the spacing never falls once the set is full, and however long the stream,
      there are at most ``capacity * (2 + floor(log(end / start) / log(1 + hysteresis)))``
      admissions, ``start`` being the spacing when the set became full and ``end`` the present
      one. For while the spacing grows by less than the factor, newcomers are too far from
      everything to be part of a closest pair, so each sends away one of the centers from before.
      Each that :meth:`remove` or :meth:`set_floor` sends away, or :meth:`evict_redundant` where it
      has no pair, allows two more: who takes a free place is only as far away as the spacing, so
      it may be of a closest pair and be sent away too.
    - Decisions depend on the frames, their order, their blocks, times and qualities alone: not on
      keys, the BLAS, the number of threads or the batches of the embedder. Ties go to the frame
      that was offered first.
    - A key is referred to only while its frame is a center or the witness of one.

    Cost: a frame that is absorbed is one scan, ``O(capacity * dim)`` (in a block, its share of one
    matrix product); an admission about 7. Memory: three vectors for each center.

    >>> coreset = Coreset[str](capacity=2, dim=2)
    >>> coreset.offer("east", np.array([1.0, 0.0])).outcome
    'kept'
    >>> coreset.offer("north", np.array([0.0, 1.0])).changes[0].nearest
    'east'
    >>> decision = coreset.offer("north by west", np.array([-0.1, 0.995]) / np.hypot(0.1, 0.995))
    >>> decision.outcome, decision.nearest, round(decision.distance, 2)
    ('covered', 'north', 0.1)

    Args:
        capacity: Most centers, at least 1.
        dim: Length of a vector.
        floor: Distance, 0..2, up to which two frames are near duplicates.
        hysteresis: By what part a newcomer must beat the spacing; 0: admissions have no bound.
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
        settings = Settings(
            capacity=capacity,
            dim=dim,
            floor=floor,
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
            safety=safety,
        )
        table: CenterTable[K] = CenterTable(capacity + 1, dim)
        self._members = Members(settings, Progress(soft=WARM_SHARE * warm_spacing), table)

    def __len__(self) -> int:
        return self._members.size

    @property
    def capacity(self) -> int:
        """Most centers."""
        return self._members.settings.capacity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._members.settings.dim

    @property
    def floor(self) -> float:
        """Distance up to which two frames are near duplicates."""
        return self._members.settings.floor

    @property
    def spacing(self) -> float:
        """Smallest distance between two centers when last full (of 1: compared); 0 before that."""
        return self._members.progress.spacing

    @property
    def threshold(self) -> float:
        """What a frame's distance from its nearest center must exceed for it to be admitted."""
        return self._members.threshold

    @property
    def coverage_bound(self) -> float:
        """Every valid frame so far (with a window: within it) is this near to a center."""
        table = self._members.table
        return min(FARTHEST, float(table.reach[: table.size].max(initial=0.0)))

    @property
    def lower_bound(self) -> float:
        """No choice of ``capacity`` of all frames so far covers them with a smaller radius."""
        return self._members.progress.lower_bound

    @property
    def admitted(self) -> int:
        """How often a frame became a center."""
        return self._members.progress.admitted

    @property
    def evicted(self) -> int:
        """How often a center was removed, expired ones included."""
        return self._members.progress.evicted

    @property
    def refused(self) -> int:
        """How many frames had no valid vector."""
        return self._members.progress.rejected

    @property
    def keys(self) -> tuple[K, ...]:
        """The keys of the centers, in the order their frames were offered."""
        table = self._members.table
        return tuple(table.points[slot].key for slot in table.order())

    def centers(self) -> tuple[Center[K], ...]:
        """Return the centers, in the order their frames were offered."""
        table = self._members.table
        return tuple(table.describe(slot) for slot in table.order())

    def vectors(self) -> Vectors:
        """Return the (size, D) vectors of the centers, in the order of :meth:`centers`; a copy."""
        table = self._members.table
        return table.vectors[table.order()]

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
        members, progress = self._members, self._members.progress
        block = block_of(vectors, len(keys), self.dim)  # (N, D)
        moments = times_of(times, len(keys), needed=members.settings.window is not None)
        merits = qualities_of(qualities, len(keys))
        points = arrivals(keys, block, moments, merits, first=progress.offered)
        valid = [point for point in points if point is not None]
        progress.offered += len(points)
        progress.rejected += len(points) - len(valid)
        decided = iter(decide(members, valid) if valid else ())
        return [
            Decision(key, "refused", "invalid", None, None, None)
            if point is None
            else next(decided)
            for key, point in zip(keys, points, strict=True)
        ]

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair of which one may be evicted.

        Infinite where there is no such pair and yet one that may be; None where all are pinned.
        """
        return self._members.redundancy

    @property
    def pinned(self) -> tuple[K, ...]:
        """The keys of the pinned centers, in the order their frames were offered."""
        table = self._members.table
        return tuple(table.points[slot].key for slot in table.order() if table.pinned[slot])

    def pin(self, key: K) -> bool:
        """Never evict this center, except by :meth:`remove`; False where it is none.

        Cost: the key is compared with those of all centers.
        """
        return self._members.pin(lambda other: other == key, True)

    def unpin(self, key: K) -> bool:
        """Let this center be evicted again; False where it is none. See :meth:`pin`."""
        return self._members.pin(lambda other: other == key, False)

    def resize(self, capacity: int) -> list[Change[K]]:
        """Hold at most ``capacity`` centers from now on; the larger of it and the pinned ones.

        Where there are more, one of the closest pair is evicted (``resized``) until there are not,
        by the rule of an admission, but no witness is recalled. All promises hold on.

        A greater capacity makes the set one that is not full: of the spacing that was reached, and
        of the threshold, that part remains which the old capacity is of the new, so that frames
        along a line would fill the set evenly, and any others sooner. ``spacing`` is a lower bound
        then until the set is full again, and never falls from there; ``lower_bound`` begins anew.

        Raises:
            ConfigurationError: ``capacity`` is no whole number of at least 1.
        """
        changes: list[Change[K]] = []
        self._members.resize(capacity, changes)
        return changes

    def set_floor(self, floor: float) -> list[Change[K]]:
        """Let ``floor`` be the distance up to which frames are near duplicates, from now on.

        Of pairs within it one is evicted (``near-duplicate``), the closest first, unless both are
        pinned; where one of those is unpinned later, it goes at the next offer. What was refused
        under a higher floor does not come back.

        Raises:
            ConfigurationError: ``floor`` is not in 0..2.
        """
        changes: list[Change[K]] = []
        self._members.set_floor(floor, changes)
        return changes

    def evict_redundant(self, reason: str) -> list[Change[K]]:
        """Evict one of the closest pair, by the rule of an admission, or one that has no pair.

        Nothing happens where all are pinned. The set is held to be full at the size it has then:
        newcomers must exceed ``1 + hysteresis`` times the spacing that remains, so what was
        evicted is not admitted again at once, however often this is called. Only a window lets
        that threshold decay.
        """
        changes: list[Change[K]] = []
        self._members.thin(reason, changes)
        return changes

    def remove(
        self, keys: Collection[K], reason: str, represented: bool = False
    ) -> list[Change[K]]:
        """Remove these centers, pinned or not; keys of others are passed over.

        What they answered for is no longer covered, or if ``represented``, by the nearest other one
        if any. The next like it finds a place free if it is as far from all as the spacing.
        """
        changes: list[Change[K]] = []
        self._members.remove(keys.__contains__, reason, changes, represented)
        return changes

    @property
    def witnesses(self) -> list[K]:
        """The keys of those that may be recalled, in no order: at most one for each center."""
        return [point.key for point in self._members.table.witnesses if point is not None]

    def ease(self, share: float) -> None:
        """Multiply the threshold of a set that is not full by ``share``, in 0..1.

        Never below the floor. The spacing is a lower bound then until the set is full.
        """
        self._members.ease(share)

    def settle(self) -> None:
        """Let go of witnesses and spare room: no frame will be offered any more."""
        self._members.table.compact()

    @property
    def refusal_bound(self) -> float:
        """What is absorbed from now on, until a center comes or goes, is this near to its center.

        While the centers stay the same and none is pinned or unpinned, the threshold is at most
        ``max(floor, soft, (1 + hysteresis) * s)``: the soft threshold of a set that is not full
        only falls, and ``s`` is the spacing, or the distance of the closest pair if that is
        greater, which is what the spacing becomes should a smaller capacity make the set full.
        """
        return self._members.refusal_bound

    def progress(self) -> Progress:
        """Return a copy of the scalars, fit to be continued with centers that may be fewer."""
        self._members.keep_spacing()
        return replace(self._members.progress)

    @classmethod
    def resume(
        cls, settings: Settings, progress: Progress, centers: Sequence[Center[K]]
    ) -> Coreset[K]:
        """Return a coreset of these centers, in this order; neighbours and spacing are found anew.

        There are no witnesses. Where there are more than the capacity, those beyond it are evicted
        when the next block is offered.
        """
        slots = max(settings.capacity, len(centers)) + 1
        table: CenterTable[K] = CenterTable(slots, settings.dim)
        table.fill(centers)
        coreset: Coreset[K] = cls(**asdict(settings))
        offered = max(progress.offered, len(centers))
        coreset._members = Members(settings, replace(progress, offered=offered), table)
        coreset._members.measure_anew()
        return coreset

    def snapshot(self) -> Snapshot[K]:
        """Return all there is to know, to continue from later with identical decisions."""
        members = self._members
        return Snapshot.of(members.settings, replace(members.progress), members.table)

    @classmethod
    def restore(cls, snapshot: Snapshot[K]) -> Coreset[K]:
        """Return a coreset that continues where ``snapshot`` was taken."""
        coreset: Coreset[K] = cls(**asdict(snapshot.settings))
        coreset._members = Members(snapshot.settings, replace(snapshot.progress), snapshot.table())
        return coreset
