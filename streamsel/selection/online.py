"""The one-pass selector of files and live feeds; it can be saved and restored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from streamsel import choices
from streamsel.choices import NearDuplicate
from streamsel.coreset.values import BurstLimit, Change, Settings
from streamsel.decisions import Event, Verdict
from streamsel.frame import Candidate, Frame, FrameKey, Vector, Vectors
from streamsel.selection.budget import Budget
from streamsel.selection.calibration import MOST
from streamsel.selection.lookahead import LookAhead
from streamsel.selection.near_duplicate import NearDuplicateDistance
from streamsel.selection.origins import Origins
from streamsel.selection.periods import Periods
from streamsel.selection.restart import resume, survivors
from streamsel.selection.state import LiveState
from streamsel.selection.stream_time import StreamClock
from streamsel.selection.verdicts import events_of, refused, verdict_of

_UNCLEAR = (
    "the near-duplicate distance cannot be told from its first frames, which are farther apart "
    "than noise puts them: no frame is taken for a near duplicate of another; give a number as "
    "the near-duplicate distance if there are any"
)


class OnlineSelector:
    """Selects frames in one pass: of files, of an endless feed, or of several that share a budget.

    A ``LiveSelector`` with a :class:`Coreset`, or one per period of the budget, see
    :class:`Periods`. Times are stream times, see :class:`StreamClock`; qualities are sharpness.
    Candidates are decided in blocks of ``look_ahead`` embedded candidates, counted from the start
    of the stream, so verdicts do not depend on the batches in which candidates arrive. A verdict is
    returned as soon as all before it are certain.

    With ``auto`` the near-duplicate distance is calibrated on the first ``calibration_frames``
    embeddings of the feed with the most of them, in one of two ways. ``held-back``: the first
    ``calibration_frames`` embedded candidates wait for it. ``on-the-way``: nothing waits; the
    distance starts at ``min_distance``, is estimated early and finally from that many valid
    embeddings, and whenever it rises, near duplicates are evicted. Later frames may still lower it,
    see :class:`NearDuplicateDistance`.

    - At most ``capacity`` frames, or as many as are pinned, represent the current period (without
      periods: the whole stream). Frames of closed periods stay kept; only :meth:`evict_redundant`
      and :meth:`forget` evict them.
    - ``coverage_bound`` holds for every frame of the period (with a window: of the window), except
      near duplicates of frames kept in earlier periods, and frames represented only by a frame that
      :meth:`forget` removed.
    - Changes belong to the verdict of the frame that caused them. Changes at the end of a period or
      after a restart belong to the first verdict that follows; changes after a new near-duplicate
      distance belong to the last verdict of the block that gave it.
    - Two frames that represent the current period are farther apart than the near-duplicate
      distance, unless both are pinned and were when it rose. After one of them is unpinned, the
      next verdict evicts one of the pair.

    Frames of a fixed camera weigh by what changed in the picture (``SceneChange``). A feed counts
    as fixed from the first block on in which its first frame says so; at that moment its kept
    frames get their weights, and the spacing is measured anew.

    A frame is referenced only while it waits, is kept, or is the witness of a kept frame. The
    caller releases the pictures of kept frames.

    Args:
        budget: How many frames may be kept.
        dim: Length of an embedding.
        floor: Near-duplicate distance, or ``auto``.
        min_distance: Minimum of the near-duplicate distance.
        calibration: When the near-duplicate distance is calibrated; see above.
        calibration_frames: Number of frames that determine the near-duplicate distance.
        calibration_feeds: Feeds that determine it; None: all. With none it is ``min_distance``.
        look_ahead: Frames in a block; 1 for the lowest latency.
        hysteresis: See :class:`Coreset`.
        window: Seconds after which a frame that was not seen again expires; None: never. Does not
            apply to closed periods.
        warm_spacing: ``spacing`` of an earlier run on similar footage.
        burst: The most frames to keep of a stretch of time, once the set is full; None: no limit.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    def __init__(
        self,
        budget: Budget,
        dim: int,
        *,
        floor: NearDuplicate = "auto",
        min_distance: float = 0.0,
        calibration: choices.Calibration = "on-the-way",
        calibration_frames: int = 100,
        calibration_feeds: Collection[str] | None = None,
        look_ahead: int = 1,
        hysteresis: float = 0.1,
        window: float | None = None,
        warm_spacing: float = 0.0,
        burst: BurstLimit | None = None,
    ) -> None:
        self._dim, self._look_ahead, self._min_distance = dim, look_ahead, min_distance
        self._near_duplicate = NearDuplicateDistance(
            floor,
            min_distance,
            calibration=calibration,
            frames=calibration_frames,
            heard=calibration_feeds,
        )
        self._ahead = LookAhead(look_ahead, dim, hold=self._near_duplicate.hold)
        settings = Settings(
            capacity=1,
            dim=dim,
            floor=self._near_duplicate.value,
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
            safety=4.0,
            burst=burst,
        )
        self._periods = Periods(budget, settings)
        self._clock = StreamClock()
        self._origins = Origins()
        self._restored = self._is_state_due = False

    @property
    def budget(self) -> Budget:
        """How many frames may be kept; :meth:`resize` changes the count."""
        return self._periods.budget

    @property
    def floor(self) -> float:
        """The current near-duplicate distance."""
        return self._periods.settings.floor

    @property
    def warnings(self) -> Mapping[str, str]:
        """What is to be said about a feed: that it does not tell the near-duplicate distance."""
        feed = self._near_duplicate.unclear
        return {} if feed is None else {feed: _UNCLEAR}

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, including those of closed periods, ordered by key."""
        return tuple(sorted(self._periods.keys))

    @property
    def size(self) -> int:
        """Number of frames that represent the current period; without periods, the whole stream."""
        return len(self._periods.current)

    @property
    def capacity(self) -> int:
        """Current maximum of ``size``."""
        return max(self._periods.current.capacity, self.size)

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair within one period that has an unpinned frame.

        Infinite if there is no such pair but an unpinned frame; None if there is none.
        """
        return self._periods.redundancy

    @property
    def pinned(self) -> tuple[FrameKey, ...]:
        """The pinned frames, ordered by key."""
        return tuple(sorted(self._periods.pinned))

    @property
    def coverage_bound(self) -> float:
        """Every frame of this period is within this distance of a representative; see the class."""
        return self._periods.current.coverage_bound

    @property
    def spacing(self) -> float:
        """Smallest distance between two representatives when the set was last full.

        In a period in which it was not full yet, that of the period before.
        """
        return self._periods.current.spacing or self._periods.settings.warm_spacing

    @property
    def recallable(self) -> frozenset[FrameKey]:
        """The frames that are not kept but may be recalled: at most one per representative.

        Includes evicted frames. Empty after :meth:`restore`.
        """
        return frozenset(frame.key for frame in self._periods.current.witnesses)

    def vectors(self) -> Vectors:
        """Return a copy of the embeddings of the current period's frames, in order, (size, D)."""
        return self._periods.current.vectors()

    @property
    def is_state_due(self) -> bool:
        """Whether something happened since :meth:`state` that the stored state does not allow for.

        That is a frame refused for its burst, which may be farther away than other refused ones, or
        a feed that came to count as fixed.
        """
        return self._is_state_due

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Add the next candidates of the stream; return the verdicts that are now certain.

        Raises:
            ConfigurationError: The length of an embedding is not ``dim``.
        """
        return [v for block in self._ahead.take(candidates) for v in self._decide(block)]

    def finish(self) -> list[Verdict]:
        """Return all outstanding verdicts; more frames may follow nevertheless."""
        return [v for block in self._ahead.rest() for v in self._decide(block)]

    def resize(self, count: int) -> list[Event]:
        """Keep at most ``count`` frames from now on; with periods, in each from the current one on.

        Raises:
            ConfigurationError: ``count`` is below 1, or the budget is a share.
        """
        return [*events_of(self._periods.resize(count))]

    def evict_redundant(self, reason: str) -> list[Event]:
        """Evict one frame of the closest pair within the most redundant period.

        If no pair is left, evict a frame that is alone in its period, the oldest first. Returns no
        event if all frames are pinned or none is kept.
        """
        return [*events_of(self._periods.thin(reason))]

    def forget(self, keys: Collection[FrameKey], reason: str) -> list[Event]:
        """Evict these frames, pinned or not; keys that are not kept are ignored.

        The nearest other frame represents each from now on, so ``coverage_bound`` still holds.
        """
        return [*events_of(self._periods.remove(keys, reason))]

    def pin(self, key: FrameKey) -> bool:
        """Pin a frame: only :meth:`forget` evicts it. Return False if it is not kept.

        Store :meth:`state` soon after: pinning is not an event, so nothing else restores it after a
        restart.
        """
        return self._periods.pin(key, True)

    def unpin(self, key: FrameKey) -> bool:
        """Unpin a frame, so that it can be evicted again. Return False if it is not kept."""
        return self._periods.pin(key, False)

    def state(self) -> bytes:
        """Return the state to continue from, apart from the kept frames and their embeddings.

        Store it with every change of the kept frames and soon after a pin; otherwise
        ``coverage_bound`` is weak after :meth:`restore`, and the pin is lost. It may lag behind in
        frames that were refused or covered since. Size: about ten bytes per representative and
        carried-over frame, plus some hundred.
        """
        periods, current = self._periods, self._periods.current
        near_duplicate = self._near_duplicate
        refusals = max(current.refusal_bound(self._origins.least_weight), self._min_distance)
        self._is_state_due = False
        centers = current.centers()
        return LiveState(
            budget=periods.budget,
            told=near_duplicate.calibrated,
            gaps=near_duplicate.gaps,
            now=self._clock.now,
            feeds=self._clock.feeds,
            period_progress=periods.period_progress,
            warm_spacing=periods.settings.warm_spacing,
            capacity=current.capacity,
            progress=current.progress(),
            refusals=refusals if near_duplicate.is_final else max(refusals, MOST),
            centers={one.key.key: (one.reach, one.last_time or 0.0) for one in centers},
            carry_over=periods.carry_over.seen,
            pinned=periods.pinned,
            fixed=self._origins.fixed,
        ).to_bytes()

    def restore(self, state: bytes, kept: Sequence[Candidate]) -> None:
        """Continue, in a new selector, from a state and the kept frames of the record.

        ``state`` is empty if none was stored. It may be older than the frames: frames of the state
        that are no longer kept are dropped, kept frames that it does not know are added, and the
        settings of this selector apply. Frames in excess are evicted with the next verdict. The
        coverage bound still holds, as :func:`streamsel.selection.restart.resume` proves; with a
        window, frames covered after the state was taken may expire as early as frames covered
        before it.

        Raises:
            RecordError: The state is damaged or unknown, or a frame has no matching embedding.
        """
        found = LiveState.from_bytes(state) if state else None
        self._clock = StreamClock() if found is None else StreamClock(found.now, found.feeds)
        self._origins = Origins(() if found is None else found.fixed)
        alive = survivors(kept, self._dim, self._clock, self._origins)
        if found is not None:
            self._near_duplicate.restore(found.told, found.gaps)
            self._periods.set_floor(self._near_duplicate.value)
            self._periods.learn(found.progress.spacing or found.warm_spacing)
        resume(self._periods, found, alive, self._clock.now)
        self._ahead = LookAhead(self._look_ahead, self._dim, hold=self._near_duplicate.hold)
        self._restored = True

    def _decide(self, block: Sequence[Candidate]) -> list[Verdict]:
        """Decide a block of candidates, including refused ones; return their verdicts."""
        frames = [candidate.frame for candidate in block]
        before = self._clock.now
        times = [self._clock.at(frame.key.feed, frame.media_time) for frame in frames]
        changes = self._settle()
        changes += self._periods.begin(max(before, times[0]), frames)
        for feed in self._origins.newly_fixed(block):
            self._periods.current.reweigh(feed)
            self._is_state_due = True
        embedded = [
            (candidate, candidate.embedding, time)
            for candidate, time in zip(block, times, strict=True)
            if candidate.embedding is not None
        ]
        if embedded and self._near_duplicate.waits:
            distance = self._near_duplicate.measure([*block, *self._ahead.waiting])
            changes += self._periods.set_floor(distance)
        verdicts = iter(self._measure(embedded) if embedded else ())
        found = [
            refused(candidate) if candidate.embedding is None else next(verdicts)
            for candidate in block
        ]
        after = [
            change
            for distance in self._near_duplicate.follow(block)
            for change in self._periods.set_floor(distance)
        ]
        if changes:
            found[0] = replace(found[0], events=(*events_of(changes), *found[0].events))
        if after:
            found[-1] = replace(found[-1], events=(*found[-1].events, *events_of(after)))
        return found

    def _measure(self, embedded: Sequence[tuple[Candidate, Vector, float]]) -> list[Verdict]:
        """Decide the candidates of a block that have an embedding."""
        decisions = self._periods.offer(
            [candidate.frame for candidate, _, _ in embedded],
            np.stack([vector for _, vector, _ in embedded]),  # (B, D)
            times=[time for _, _, time in embedded],
            qualities=[candidate.prefiltered.sharpness for candidate, _, _ in embedded],
            origins=[self._origins.of(candidate) for candidate, _, _ in embedded],
        )
        self._is_state_due = self._is_state_due or any(one.reason == "burst" for one in decisions)
        pairs = zip(embedded, decisions, strict=True)
        return [verdict_of(candidate, decision) for (candidate, _, _), decision in pairs]

    def _settle(self) -> list[Change[Frame]]:
        """After a restart, evict near duplicates that were kept with a lower distance."""
        if not self._restored:
            return []
        self._restored = False
        return self._periods.set_floor(self.floor)
