"""The near-duplicate distance of a selector: given, or calibrated in one of two ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from streamsel import choices
from streamsel.choices import NearDuplicate
from streamsel.frame import Candidate, Vector
from streamsel.selection.calibration import MOST, Calibration, Estimate, Gaps, estimate_from

_LESS_NOISE = 2.0
"""How many times a distance measured later the distance must be to be lowered to it."""


class NearDuplicateDistance:
    """The near-duplicate distance of a selector: a number, or calibrated on the selector's stream.

    With ``held-back`` the first ``frames`` embedded candidates wait, and :meth:`measure` has the
    distance from all of them before any is decided. With ``on-the-way`` none waits: :meth:`follow`
    has estimates from the frames decided so far, the last one after ``frames`` of them. Both use
    the feed with the most embeddings.

    Later frames are measured too, so many at a time, and lower the distance if the feed rests and
    has less than half the noise: what was measured on noise at first would cover too much. They
    never raise it: frames that were kept while there was little noise must not go for it. Where the
    first frames cannot tell, the distance is ``least``, and :attr:`unclear` names the feed; later
    frames then set it, unless there is a restart before, if they tell less than half of the most.

    Args:
        given: The distance, or ``auto`` to calibrate it.
        least: Minimum of the distance, and the distance before calibration.
        calibration: How it is calibrated; without effect on a number.
        frames: Number of frames that determine the distance.
        heard: Feeds to calibrate on; None: all. Images of a folder are no stream, and without any
            other feed the distance is ``least``.

    Raises:
        ConfigurationError: ``frames`` is below 1.
    """

    def __init__(
        self,
        given: NearDuplicate,
        least: float,
        *,
        calibration: choices.Calibration,
        frames: int,
        heard: Collection[str] | None = None,
    ) -> None:
        self._given: NearDuplicate = 0.0 if heard is not None and not heard else given
        self._least = least
        self._holds_back = calibration == "held-back"
        self._frames = frames
        self._heard = heard
        self._pending = Calibration(frames) if self._given == "auto" else None
        self._later = Calibration(frames)
        self._calibrated: float | None = None
        self._limit = 0.0  # later estimates must be below half of it
        self.unclear: str | None = None
        """The feed that could not tell the distance."""

    @property
    def value(self) -> float:
        """The distance as far as it is known."""
        known = self._calibrated or 0.0 if self._given == "auto" else self._given
        return max(self._least, known)

    @property
    def calibrated(self) -> float | None:
        """The latest estimate, without the minimum; None before the first, or of a number."""
        return self._calibrated

    @property
    def is_final(self) -> bool:
        """Whether the distance will not rise any more."""
        return self._pending is None and self._limit < MOST

    @property
    def gaps(self) -> Mapping[str, Gaps]:
        """The unfinished calibration, by feed."""
        return {} if self._pending is None else self._pending.feeds

    @property
    def hold(self) -> int:
        """Number of embedded candidates to collect before the first is decided."""
        return self._frames if self.waits else 1

    @property
    def waits(self) -> bool:
        """Whether :meth:`measure` must be called before a frame is decided."""
        return self._holds_back and self._pending is not None

    def measure(self, held: Iterable[Candidate]) -> float:
        """Calibrate on the candidates held back, at least one with an embedding.

        If none is of a feed to calibrate on, the distance is estimated on the way from here on.
        """
        self._holds_back = False
        feeds: defaultdict[str, list[Vector]] = defaultdict(list)
        for candidate in held:
            feed = candidate.frame.key.feed
            if candidate.embedding is not None and self._hears(feed):
                feeds[feed].append(candidate.embedding)
        if feeds:
            feed = max(feeds, key=lambda one: len(feeds[one]))
            self._settle(feed, estimate_from(np.stack(feeds[feed])))
        return self.value

    def follow(self, decided: Iterable[Candidate]) -> list[float]:
        """Add the next decided candidates; return each new distance."""
        found = []
        for candidate in decided:
            feed, vector = candidate.frame.key.feed, candidate.embedding
            if vector is None or not self._hears(feed):
                continue
            if self._pending is not None:
                is_new = self._begin(self._pending, feed, vector)
            else:
                is_new = self._limit > 0.0 and self._go_on(feed, vector)
            if is_new:
                found.append(self.value)
        return found

    def _hears(self, feed: str) -> bool:
        return self._heard is None or feed in self._heard

    def _begin(self, pending: Calibration, feed: str, vector: Vector) -> bool:
        """Add a frame to the calibration; return whether there is a new distance."""
        estimate = pending.see(feed, vector)
        if estimate is not None:
            self._calibrated = estimate.distance
        if pending.done:
            self._settle(feed, estimate or pending.estimate())
        return estimate is not None

    def _go_on(self, feed: str, vector: Vector) -> bool:
        """Add a frame after the calibration; return whether there is a new distance."""
        self._later.see(feed, vector)
        if not self._later.done:
            return False
        estimate = self._later.estimate()
        self._later = Calibration(self._frames)
        if not estimate.is_at_rest or _LESS_NOISE * estimate.distance >= self._limit:
            return False
        self._calibrated = self._limit = estimate.distance
        return True

    def _settle(self, feed: str, estimate: Estimate) -> None:
        """End the calibration with an estimate of its frames."""
        self._calibrated = self._limit = estimate.distance
        self._pending = None
        if estimate.is_unclear:
            self._limit, self.unclear = MOST, feed

    def restore(self, calibrated: float | None, gaps: Mapping[str, Gaps]) -> None:
        """Continue from :attr:`calibrated` and :attr:`gaps` of an earlier run, unless given.

        The distance is final at once if this run needs no more frames than that one measured.
        """
        if self._given != "auto":
            return
        self._calibrated = calibrated
        is_pending = calibrated is None or bool(gaps)
        self._pending = Calibration(self._frames, gaps) if is_pending else None
        if self._pending is not None and self._pending.done:
            self._calibrated = self._pending.estimate().distance
            self._pending = None
        self._limit = self._calibrated or 0.0
