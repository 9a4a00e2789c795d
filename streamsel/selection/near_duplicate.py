"""The near-duplicate distance of a selector: given, or calibrated in one of two ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from streamsel import choices
from streamsel.choices import NearDuplicate
from streamsel.frame import Candidate, Vector
from streamsel.selection.calibration import Calibration, Gaps, floor_from


class NearDuplicateDistance:
    """The near-duplicate distance of a selector: a number, or calibrated on the selector's stream.

    With ``held-back`` the first ``frames`` embedded candidates wait, and :meth:`measure` has the
    distance from all of them before any is decided. With ``on-the-way`` none waits: :meth:`follow`
    has estimates from the frames decided so far, the last one after ``frames`` of them. Both use
    the feed with the most embeddings.

    Args:
        given: The distance, or ``auto`` to calibrate it.
        least: Minimum of the distance, and the distance before calibration.
        calibration: How it is calibrated; without effect on a number.
        frames: Number of frames that determine the distance.

    Raises:
        ConfigurationError: ``frames`` is below 1, and the distance is calibrated.
    """

    def __init__(
        self,
        given: NearDuplicate,
        least: float,
        *,
        calibration: choices.Calibration,
        frames: int,
    ) -> None:
        self._given, self._least = given, least
        self._holds_back = calibration == "held-back"
        self._frames = frames
        self._pending = Calibration(frames) if given == "auto" else None
        self._calibrated: float | None = None

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
        """Whether the distance will not change any more."""
        return self._pending is None

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
        """Calibrate on the candidates held back, at least one with an embedding."""
        feeds: defaultdict[str, list[Vector]] = defaultdict(list)
        for candidate in held:
            if candidate.embedding is not None:
                feeds[candidate.frame.key.feed].append(candidate.embedding)
        self._calibrated = floor_from(np.stack(max(feeds.values(), key=len)))
        self._pending = None
        return self.value

    def follow(self, decided: Iterable[Candidate]) -> list[float]:
        """Add the next decided candidates; return each new estimate of the distance."""
        found = []
        for candidate in decided:
            if self._pending is None:
                break
            if candidate.embedding is None:
                continue
            estimate = self._pending.see(candidate.frame.key.feed, candidate.embedding)
            if estimate is not None:
                self._calibrated = estimate
                found.append(self.value)
            if self._pending.done:
                self._pending = None
        return found

    def restore(self, calibrated: float | None, gaps: Mapping[str, Gaps]) -> None:
        """Continue from :attr:`calibrated` and :attr:`gaps` of an earlier run, unless given.

        The distance is final at once if this run needs no more frames than that one measured.
        """
        if self._given != "auto":
            return
        self._calibrated = calibrated
        is_pending = calibrated is None or gaps
        self._pending = Calibration(self._frames, gaps) if is_pending else None
        if self._pending is not None and self._pending.done:
            self._calibrated = self._pending.estimate()
            self._pending = None
