"""The selector for endless feeds: decides at once, and can be saved and restored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from streamsel.coreset.values import Change, Settings
from streamsel.decisions import Event, Verdict
from streamsel.frame import Candidate, Frame, FrameKey, Vector, Vectors
from streamsel.selection.budget import Budget
from streamsel.selection.calibration import MOST, Calibration
from streamsel.selection.lookahead import LookAhead
from streamsel.selection.periods import Periods
from streamsel.selection.restart import resume, survivors
from streamsel.selection.state import LiveState
from streamsel.selection.stream_time import StreamClock
from streamsel.selection.verdicts import events_of, refused, verdict_of


class EndlessSelector:
    """Selects among frames that never end, of one feed or of several that share a budget.

    Implements ``streamsel.interfaces.LiveSelector`` with a :class:`Coreset`, or one for each
    period of the budget, see :class:`Periods`. Times are stream times, see :class:`StreamClock`;
    qualities are sharpness. Candidates are decided in blocks of ``look_ahead``, counted among those
    with an embedding from the start of the stream, so verdicts do not depend on how the
    candidates are handed over. With the floor ``auto`` nothing is held back: the floor begins at
    ``min_distance``, is estimated early and told by the first ``calibration`` valid embeddings of
    the feed with most of them, and whenever it rises, near duplicates are evicted.

    - At most ``capacity`` frames represent the current period, unless more are pinned; without a
      period all of the stream. The frames of ended periods stay kept, and only
      :meth:`evict_redundant` and :meth:`forget` let them go.
    - ``coverage_bound`` holds for every frame of the period (with a window: of that) but near
      duplicates of what earlier periods kept, and what stood alone when it was forgotten.
    - What changes hangs on the verdict of the frame that caused it. What an end of a period or a
      restart changes hangs on the first verdict that follows, what a new floor changes on the last
      of the block that told it.
    - Two frames that represent the current period are more than the floor apart unless both are
      pinned, and were when the floor rose. Where one of those is unpinned, the next verdict evicts
      it or the other that may go.

    A frame is referred to while it waits, is kept, or is the witness of one that is; the pictures
    of kept frames are for the caller to let go of.

    Args:
        budget: How much may be kept.
        dim: Length of an embedding.
        floor: Distance up to which frames are near duplicates, or ``auto``.
        min_distance: The least that the floor shall be.
        look_ahead: Frames in a block, 1 for the lowest latency.
        calibration: Frames that tell the floor.
        hysteresis: See :class:`Coreset`.
        window: Seconds after which what was not seen again is forgotten; None: never. Frames of
            ended periods are not.
        warm_spacing: ``spacing`` of an earlier run on the like.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    def __init__(
        self,
        budget: Budget,
        dim: int,
        *,
        floor: float | Literal["auto"] = "auto",
        min_distance: float = 0.0,
        look_ahead: int = 1,
        calibration: int = 100,
        hysteresis: float = 0.1,
        window: float | None = None,
        warm_spacing: float = 0.0,
    ) -> None:
        self._ahead = LookAhead(look_ahead, dim)
        self._dim, self._frames = dim, calibration
        self._auto, self._min_distance = floor == "auto", min_distance
        self._calibration = Calibration(calibration) if floor == "auto" else None
        self._told: float | None = None
        settings = Settings(
            capacity=1,
            dim=dim,
            floor=min_distance if floor == "auto" else max(floor, min_distance),
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
            safety=4.0,
        )
        self._periods = Periods(budget, settings)
        self._clock = StreamClock()
        self._restored = False

    @property
    def budget(self) -> Budget:
        """How much may be kept; :meth:`resize` changes its count."""
        return self._periods.budget

    @property
    def floor(self) -> float:
        """Distance up to which frames are near duplicates, as far as it is known."""
        return self._periods.settings.floor

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The frames that are kept now, those of ended periods included, in order of their key."""
        return tuple(sorted(self._periods.keys))

    @property
    def size(self) -> int:
        """How many frames represent the current period; without periods, all that was seen."""
        return len(self._periods.current)

    @property
    def capacity(self) -> int:
        """The most that ``size`` may be, now."""
        return max(self._periods.current.capacity, self.size)

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair of one period of which one may be evicted.

        Infinite where there is no such pair and yet a frame that may be; None where there is none.
        """
        return self._periods.redundancy

    @property
    def pinned(self) -> tuple[FrameKey, ...]:
        """The frames that are pinned, in order of their key."""
        return tuple(sorted(self._periods.pinned))

    @property
    def coverage_bound(self) -> float:
        """Everything seen in this period is this near to one that represents it; see the class."""
        return self._periods.current.coverage_bound

    @property
    def spacing(self) -> float:
        """Smallest distance between two that represent, when they were last at capacity.

        In a period in which they never were, that of the period before.
        """
        return self._periods.current.spacing or self._periods.settings.warm_spacing

    @property
    def representing(self) -> tuple[FrameKey, ...]:
        """The frames that represent the current period, in the order they came."""
        return tuple(frame.key for frame in self._periods.current.keys)

    @property
    def recallable(self) -> frozenset[FrameKey]:
        """The frames that are not kept and may be recalled: at most one for each that represents.

        Evicted ones among them. None is left after :meth:`restore`.
        """
        return frozenset(frame.key for frame in self._periods.current.witnesses)

    def vectors(self) -> Vectors:
        """Return the (size, D) embeddings of those that are :attr:`representing`; a copy."""
        return self._periods.current.vectors()

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Take the next candidates of the stream; return the verdicts that are now certain.

        Raises:
            ConfigurationError: An embedding's length is not ``dim``.
        """
        return [v for block in self._ahead.take(candidates) for v in self._decide(block)]

    def finish(self) -> list[Verdict]:
        """Return every verdict still owed; frames may follow all the same."""
        return [v for block in self._ahead.rest() for v in self._decide(block)]

    def resize(self, count: int) -> list[Event]:
        """Keep at most ``count`` from now on; with a period, in each from the current one on.

        Raises:
            ConfigurationError: ``count`` is below 1, or a share is kept.
        """
        return [*events_of(self._periods.resize(count))]

    def evict_redundant(self, reason: str) -> list[Event]:
        """Evict one frame, of the closest pair within the most redundant period.

        Where there is no pair any more, one that is alone in its period, the oldest first; nothing
        where all are pinned or none is kept.
        """
        return [*events_of(self._periods.thin(reason))]

    def forget(self, keys: Collection[FrameKey], reason: str) -> list[Event]:
        """Evict these, pinned or not; those that are not kept are passed over.

        The nearest other frame represents each from now on, so ``coverage_bound`` holds on.
        """
        return [*events_of(self._periods.remove(keys, reason))]

    def pin(self, key: FrameKey) -> bool:
        """Never evict this frame, except by :meth:`forget`. False where it is not kept.

        Store :meth:`state` soon after: it is no event, so nothing else tells of it after a restart.
        """
        return self._periods.pin(key, True)

    def unpin(self, key: FrameKey) -> bool:
        """Let this frame be evicted again. False where it is not kept."""
        return self._periods.pin(key, False)

    def state(self) -> bytes:
        """All that is needed to continue, beside the kept frames and their embeddings.

        To be stored with every change of the kept frames, and soon after a pin: else
        ``coverage_bound`` says little after :meth:`restore`, and the pin is lost. Frames that were
        refused since may be unknown to it. About ten bytes for each frame that represents or is
        familiar, and some hundred.
        """
        periods, current = self._periods, self._periods.current
        calibration = self._calibration
        refusals = max(current.refusal_bound, self._min_distance)
        centers = current.centers()
        return LiveState(
            budget=periods.budget,
            told=self._told,
            gaps={} if calibration is None else calibration.feeds,
            now=self._clock.now,
            feeds=self._clock.feeds,
            period_progress=periods.period_progress,
            warm_spacing=periods.settings.warm_spacing,
            capacity=current.capacity,
            progress=current.progress(),
            refusals=refusals if calibration is None else max(refusals, MOST),
            centers={one.key.key: (one.reach, one.last_time or 0.0) for one in centers},
            carry_over=periods.carry_over.seen,
            pinned=periods.pinned,
        ).to_bytes()

    def restore(self, state: bytes, kept: Sequence[Candidate]) -> None:
        """Continue, in a fresh selector, from a state and the frames that are kept by the record.

        ``state`` is empty where none was stored. It may be older than the frames: those of it that
        are no longer kept are left out, those that it does not know are taken in, and the settings
        of this selector apply. What exceeds them is evicted with the next verdict. The bound of the
        coverage holds on, as :func:`streamsel.selection.restart.resume` proves; with a window,
        what was refused after the state was taken may be forgotten as early as what was refused
        before.

        Raises:
            RecordError: The state is damaged or unknown, or a frame has no embedding that fits.
        """
        found = LiveState.from_bytes(state) if state else None
        self._clock = StreamClock() if found is None else StreamClock(found.now, found.feeds)
        alive = survivors(kept, self._dim, self._clock)
        if found is not None:
            self._recall_floor(found)
            self._periods.learn(found.progress.spacing or found.warm_spacing)
        resume(self._periods, found, alive, self._clock.now)
        self._restored = True

    def _recall_floor(self, state: LiveState) -> None:
        """Take over the floor that was told, or what it takes to tell it."""
        if not self._auto:
            return
        self._told = state.told
        if state.told is not None:
            self._periods.set_floor(max(self._min_distance, state.told))
        calibrating = state.told is None or state.gaps
        self._calibration = Calibration(self._frames, state.gaps) if calibrating else None

    def _decide(self, block: Sequence[Candidate]) -> list[Verdict]:
        """Decide a block of candidates, refused ones among them, and return their verdicts."""
        frames = [candidate.frame for candidate in block]
        before = self._clock.now
        times = [self._clock.at(frame.key.feed, frame.media_time) for frame in frames]
        changes = self._settle()
        changes += self._periods.begin(max(before, times[0]), frames)
        embedded = [
            (candidate, candidate.embedding, time)
            for candidate, time in zip(block, times, strict=True)
            if candidate.embedding is not None
        ]
        verdicts = iter(self._measure(embedded) if embedded else ())
        found = [
            refused(candidate) if candidate.embedding is None else next(verdicts)
            for candidate in block
        ]
        after = self._calibrate(embedded) if self._calibration is not None else []
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
        )
        pairs = zip(embedded, decisions, strict=True)
        return [verdict_of(candidate, decision) for (candidate, _, _), decision in pairs]

    def _calibrate(
        self, embedded: Sequence[tuple[Candidate, Vector, float]]
    ) -> list[Change[Frame]]:
        """Let a block add to the calibration; evict what turns out to be near duplicates."""
        changes: list[Change[Frame]] = []
        for candidate, vector, _ in embedded:
            if self._calibration is None:
                break
            told = self._calibration.see(candidate.frame.key.feed, vector)
            if told is not None:
                self._told = told
                changes += self._periods.set_floor(max(self._min_distance, told))
            if self._calibration.done:
                self._calibration = None
        return changes

    def _settle(self) -> list[Change[Frame]]:
        """After a restart, evict near duplicates of what is kept by a lower floor."""
        if not self._restored:
            return []
        self._restored = False
        return self._periods.set_floor(self.floor)
