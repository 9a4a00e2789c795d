"""The online coreset: a one-pass k-center summary of a stream of vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.coreset.admission import Members
from streamsel.coreset.centers import CenterTable
from streamsel.coreset.decide import decide
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import (
    BurstLimit,
    Center,
    Change,
    Decision,
    K,
    Origin,
    Progress,
    Settings,
    arrivals,
    block_of,
    origins_of,
    qualities_of,
    times_of,
)
from streamsel.coreset.view import CoresetView

WARM_SHARE = 0.85
"""The share of an earlier run's spacing at which a warm start sets the threshold.

From .75 to 1 there is little churn; above 1.5 times the spacing that this run reaches, the set
would stay short of its capacity."""


class Coreset(CoresetView[K]):
    """A one-pass k-center summary: at most ``capacity`` centers that cover every frame offered.

    **Admission.** A frame within ``threshold`` of its nearest center is *covered*: that center
    represents it from then on. Any other frame is *kept*, that is, it becomes a center. Once the
    set is full the threshold is ``(1 + hysteresis) * spacing``, where the spacing is the smallest
    distance between two centers; the hysteresis keeps similar frames from replacing each other
    without end. Until the set is full the threshold is zero. With ``warm_spacing``, the ``spacing``
    of an earlier run on similar footage, it starts at 0.85 times that value, and decays only if
    there is a ``window``. The threshold is never below ``floor``, the near-duplicate distance.

    **Weights.** A frame may come with an :class:`Origin`, which says how much it weighs.
    Thresholds, spacing, neighbours and witnesses go by *weighted* distance: the distance times the
    greater of the two weights. Where nothing weighs less than 1 they are the same. Weights count
    from the moment at which the frame's feed counts as fixed, see :meth:`reweigh`; a light frame
    must then be farther away to be kept. ``floor``, reach and the distances in decisions are plain.

    **Eviction.** An admission to a full set evicts one of the closest pair of centers: the lighter
    one; if equal, the one with the nearer second-nearest neighbour; if equal, the later one. If
    either choice would leave the survivor representing frames farther away than ``safety`` times
    the distance of the pair, the choice with the smaller reach wins instead. The survivor
    represents the victim and every frame that the victim represented. The farthest frame that the
    victim covered, its *witness*, is then offered again, and may be *recalled* as a center.

    **Window.** With a ``window``, in seconds, a center expires when neither it nor a frame that it
    covers was seen for that long. While the set is not full, the threshold halves every quarter of
    the window, so that free places fill again. Every frame must then come with its time.

    **Bursts.** With a ``burst`` limit a full set admits no frame, and recalls none, if there are
    enough centers of its feed near it in time. It may replace the most redundant of them if it is a
    tenth farther from the other centers than that one is (an *exchange*); otherwise it is covered
    with the reason ``burst``. While places are free there is no limit. Every frame must then come
    with its time.

    **Pins.** A pinned center neither expires nor is evicted; the closest pair is then the closest
    one with an unpinned center. If the set is full and every center is pinned, frames beyond the
    threshold are covered all the same, with the reason ``full``.

    The guarantees below hold at any time. Those that mention the spacing, OPT or the number of
    admissions require that nothing is pinned, the capacity does not grow and the threshold is not
    eased, unless they say otherwise. OPT is the smallest radius with which any ``capacity`` of the
    frames so far cover all of them.

    - There are at most ``capacity`` centers, or as many as are pinned if those are more. Any two
      centers are more than ``floor`` apart, unless both are pinned and were when the floor rose.
      Centers in excess after an unpinning are evicted at the next offer.
    - If the set is full, a frame of weight ``w`` that is covered on arrival is within ``max(floor,
      (1 + hysteresis) * spacing / w)`` of a center when the call returns, unless the reason is
      ``burst``. It is then also within ``max(floor, 2 * (1 + hysteresis) * OPT / w)``, because the
      centers and the frame are one point more than OPT's balls can separate.
    - Every valid frame so far (with a window: every frame within it) is within ``coverage_bound``
      of a center, except frames represented only by centers that were removed. The bound is a
      certificate, computed along the stream. No constant limits its ratio to OPT in the worst case;
      in practice it is 4 to 10 times ``lower_bound``. Lazy threshold levels would guarantee a
      factor of 8 (Charikar, Chekuri, Feder, Motwani, STOC 1997, section 3), at the price of a third
      of the diversity.
    - ``lower_bound`` is at most OPT: at some time there were ``capacity + 1`` frames at least twice
      that far apart, and any ``capacity`` balls must share two of them (Gonzalez 1985, theorem
      2.2). This holds with pins too.
    - Without a window the spacing never falls once the set is full, except in :meth:`reweigh`.
      However long the stream, between two of these moments there are at most ``capacity * (2 +
      floor(log(end / start) / log(1 + hysteresis)))`` admissions,
      where ``start`` is the spacing at the time when the set became full, and ``end`` the present
      spacing, exchanges not counted: between two admissions a burst of ``n`` centers, the smallest
      neighbour distance ``g`` apart, allows at most ``n * (1 + ceil(log(2 / g) / log(1.1)))`` of
      these. Reason: until the spacing has grown by the factor ``1 + hysteresis``, newcomers are
      too far from every center to be part of a closest pair, so each admission evicts one of the
      earlier centers. Each center evicted by :meth:`remove` or :meth:`set_floor`, or by
      :meth:`evict_redundant` for lack of a pair, allows two more admissions: a frame that takes a
      free place may be only as far away as the spacing, and so may be evicted from a closest pair
      later.
    - Decisions depend only on the frames, their order, blocks, times and qualities; not on keys, on
      the BLAS, on the number of threads or on the batches of the embedder. Ties go to the frame
      offered first.
    - A key is referenced only while its frame is a center or a witness.

    Cost: a covered frame takes one scan, ``O(capacity * dim)`` (in a block, its share of one matrix
    product); an admission takes about 7 scans. Memory: three vectors per center.

    >>> coreset = Coreset[str](capacity=2, dim=2)
    >>> coreset.offer("east", np.array([1.0, 0.0])).outcome
    'kept'
    >>> coreset.offer("north", np.array([0.0, 1.0])).changes[0].nearest
    'east'
    >>> decision = coreset.offer("north by west", np.array([-0.1, 0.995]) / np.hypot(0.1, 0.995))
    >>> decision.outcome, decision.nearest, round(decision.distance, 2)
    ('covered', 'north', 0.1)

    Args:
        capacity: Maximum number of centers, at least 1.
        dim: Length of a vector.
        floor: Near-duplicate distance, 0..2: frames within it are near duplicates.
        hysteresis: Fraction by which a newcomer must exceed the spacing. With 0 the number of
            admissions is unbounded.
        window: Seconds after which a center that was not seen again expires; None: never.
        warm_spacing: The ``spacing`` that an earlier run on similar footage reached; 0: none.
        safety: Multiple of the closest pair's distance above which the reach decides the eviction.
        burst: The most centers of a feed in a stretch of time; None: no limit.

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
        burst: BurstLimit | None = None,
    ) -> None:
        settings = Settings(
            capacity=capacity,
            dim=dim,
            floor=floor,
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
            safety=safety,
            burst=burst,
        )
        table: CenterTable[K] = CenterTable(capacity + 1, dim)
        super().__init__(Members(settings, Progress(soft=WARM_SHARE * warm_spacing), table))

    def offer(
        self,
        key: K,
        vector: npt.ArrayLike,
        *,
        time: float | None = None,
        quality: float = 0.0,
        origin: Origin | None = None,
    ) -> Decision[K]:
        """Offer one frame and decide it at once: :meth:`offer_block` with a block of one."""
        vectors = np.asarray(vector)[None]
        times = None if time is None else [time]
        origins = None if origin is None else [origin]
        return self.offer_block(
            [key], vectors, times=times, qualities=[quality], origins=origins
        )[0]  # fmt: skip

    def offer_block(
        self,
        keys: Sequence[K],
        vectors: npt.ArrayLike,
        *,
        times: Sequence[float] | None = None,
        qualities: Sequence[float] | None = None,
        origins: Sequence[Origin] | None = None,
    ) -> list[Decision[K]]:
        """Offer a block of frames and decide them together, the farthest first.

        The frame farthest from the centers is admitted, and this repeats until all others are
        within the threshold; those are covered. If the frame to be admitted has near duplicates of
        higher ``quality`` in the block that also exceed the threshold, the best of these is
        admitted in its place. It represents the other frame, which is within ``floor``. All
        guarantees of the class still hold, because they require only that each newcomer's distance
        exceeds the threshold, not an order within the block. With equal qualities the order is
        plain farthest first.

        Centers that expire by the earliest time in the block are removed before.

        Args:
            keys: N names, in order of arrival. Equal keys are not distinguished.
            vectors: (N, D) float32 unit vectors. Frames with invalid vectors are refused and change
                nothing.
            times: N times in seconds; required if there is a window.
            qualities: N finite numbers, higher is better, such as sharpness.
            origins: N origins, which say how much each frame weighs; by default each weighs 1.

        Returns:
            N decisions in the order of ``keys``.

        Raises:
            ConfigurationError: A shape or length is wrong, a time is missing although there is a
                window, or a time or quality is not finite. The coreset is unchanged.
        """
        members, progress = self._members, self._members.progress
        block = block_of(vectors, len(keys), self.dim)  # (N, D)
        moments = times_of(times, len(keys), needed=members.needs_times)
        merits = qualities_of(qualities, len(keys))
        places = origins_of(origins, len(keys))
        points = arrivals(keys, block, moments, merits, places, first=progress.offered)
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

    def pin(self, key: K) -> bool:
        """Pin a center: only :meth:`remove` evicts it. Return False if the key is not a center.

        Cost: compares the key with those of all centers.
        """
        return self._members.pin(lambda other: other == key, True)

    def unpin(self, key: K) -> bool:
        """Unpin a center, so that it can be evicted again. Return False if the key is not a center.

        Cost: as for :meth:`pin`.
        """
        return self._members.pin(lambda other: other == key, False)

    def resize(self, capacity: int) -> list[Change[K]]:
        """Change the capacity; it may be below the number of pinned centers, which all stay.

        Centers in excess are evicted with the reason ``resized``, one of the closest pair at a
        time, by the rule of an admission; no witness is recalled. All guarantees remain.

        A greater capacity leaves the set not full and scales the spacing and the threshold by the
        ratio of the old capacity to the new one: frames along a line would fill the set evenly, any
        others fill it sooner. Until the set is full again ``spacing`` is a lower bound, from which
        it never falls; ``lower_bound`` restarts at 0.

        Raises:
            ConfigurationError: ``capacity`` is not a whole number of at least 1.
        """
        changes: list[Change[K]] = []
        self._members.resize(capacity, changes)
        return changes

    def set_floor(self, floor: float) -> list[Change[K]]:
        """Change the near-duplicate distance.

        Of each pair of centers within the new distance one is evicted with the reason
        ``near-duplicate``, the closest pair first. Pairs of two pinned centers stay; if one of them
        is unpinned later, the pair is resolved at the next offer. Lowering the distance does not
        bring back frames that were refused as near duplicates.

        Raises:
            ConfigurationError: ``floor`` is not in 0..2.
        """
        changes: list[Change[K]] = []
        self._members.set_floor(floor, changes)
        return changes

    def reweigh(self, feed: int) -> None:
        """Let the weights of a feed's frames count from now on: the feed counts as fixed.

        Centers and witnesses of the feed get the weights that they were offered with, and the
        spacing is measured anew: it falls, for weighted distances are smaller. Frames offered later
        must say so in their origin. Without effect where all of these frames weigh 1. O(N^2 D) for
        N centers; call it once a feed.
        """
        self._members.reweigh(feed)

    def evict_redundant(self, reason: str) -> list[Change[K]]:
        """Evict one center of the closest pair, by the rule of an admission.

        If no pair has an unpinned center, an unpinned center without a pair is evicted; if all are
        pinned, none. Afterwards the coreset behaves as if it were full at its new size: newcomers
        must exceed ``1 + hysteresis`` times the remaining spacing, so that the evicted frame is not
        admitted again at once, however often this is called. Only a window lets that threshold
        decay.

        Args:
            reason: The reason in the returned changes, such as ``over-budget``.
        """
        changes: list[Change[K]] = []
        self._members.thin(reason, changes)
        return changes

    def remove(
        self, keys: Collection[K], reason: str, represented: bool = False
    ) -> list[Change[K]]:
        """Remove centers, pinned or not. Keys that are not centers are ignored.

        Without ``represented`` the frames that these centers represented are no longer covered by
        anything, and no guarantee speaks of them any more. With ``represented`` the nearest
        remaining center represents them, if there is one.

        The places become free. A full set keeps its spacing as the threshold for newcomers, without
        the hysteresis: a frame takes a free place if it is farther from every center than the
        spacing. A removed center is never recalled.

        Args:
            keys: The centers to remove.
            reason: The reason in the returned changes.
            represented: Whether the nearest remaining center takes over the frames of each removed
                one.
        """
        changes: list[Change[K]] = []
        self._members.remove(keys.__contains__, reason, changes, represented)
        return changes

    def ease(self, share: float) -> None:
        """Multiply the threshold by ``share``, in 0..1, while the set is not full; else do nothing.

        This lets a set that fills too slowly admit frames that are closer together. The threshold
        never falls below ``floor``. If it falls below the ``spacing``, the spacing falls with it,
        and is a lower bound until the set is full again; the guarantees that mention the spacing
        restart from there.
        """
        self._members.ease(share)

    def settle(self) -> None:
        """Release the witnesses and unused memory; call it when no more frames will be offered."""
        self._members.table.compact()

    def progress(self) -> Progress:
        """Return a copy of the scalar state, for :meth:`resume`, also with fewer centers.

        If the set is full, its spacing becomes the threshold for free places first.
        """
        self._members.keep_spacing()
        return replace(self._members.progress)

    @classmethod
    def resume(
        cls, settings: Settings, progress: Progress, centers: Sequence[Center[K]]
    ) -> Coreset[K]:
        """Return a coreset with these centers, in this order.

        Neighbours and spacing are computed anew, O(N^2 D); there are no witnesses. Centers beyond
        the capacity are evicted when the next block is offered.
        """
        slots = max(settings.capacity, len(centers)) + 1
        table: CenterTable[K] = CenterTable(slots, settings.dim)
        table.fill(centers)
        coreset: Coreset[K] = cls(**_fields(settings))
        offered = max(progress.offered, len(centers))
        coreset._members = Members(settings, replace(progress, offered=offered), table)
        coreset._members.measure_anew()
        return coreset

    def snapshot(self) -> Snapshot[K]:
        """Return a snapshot of the complete state, to :meth:`restore` later."""
        members = self._members
        return Snapshot.of(members.settings, replace(members.progress), members.table)

    @classmethod
    def restore(cls, snapshot: Snapshot[K]) -> Coreset[K]:
        """Return a coreset that continues identically from ``snapshot``."""
        coreset: Coreset[K] = cls(**_fields(snapshot.settings))
        coreset._members = Members(snapshot.settings, replace(snapshot.progress), snapshot.table())
        return coreset


def _fields(settings: Settings) -> dict[str, Any]:
    return {one.name: getattr(settings, one.name) for one in fields(settings)}
