"""The one-pass selector for files: verdicts in stream order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from streamsel.coreset.coreset import Coreset
from streamsel.decisions import Verdict
from streamsel.frame import Candidate, Frame, FrameKey, Vector
from streamsel.selection.calibration import floor_from
from streamsel.selection.lookahead import LookAhead
from streamsel.selection.verdicts import refused, verdict_of


class OnlineSelector:
    """Selects at most ``count`` frames in one pass with a :class:`Coreset`.

    Candidates are decided in blocks of ``look_ahead`` embedded candidates, counted from the start
    of the stream, so verdicts do not depend on the batches in which candidates arrive. With
    ``auto`` the first ``calibration`` embedded candidates are held back to determine the
    near-duplicate distance, see :func:`floor_from`; of several feeds, the one with the most of them
    is used. Times are media times, qualities are sharpness. A verdict is returned as soon as all
    before it are certain.

    A frame is referenced only while it waits, is a center, or is the witness of one, so pictures
    are released early. Cost and guarantees are those of the coreset.

    Args:
        count: Maximum number of kept frames.
        dim: Length of an embedding.
        floor: Near-duplicate distance, or ``auto``.
        min_distance: Minimum of the near-duplicate distance.
        look_ahead: Frames in a block; 1 for the lowest latency.
        calibration: Number of frames that determine the near-duplicate distance.
        hysteresis: See :class:`Coreset`.
        window: Seconds after which a frame that was not seen again expires; None: never.
        warm_spacing: ``coreset.spacing`` at the end of an earlier run on similar footage.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    def __init__(
        self,
        count: int,
        dim: int,
        *,
        floor: float | Literal["auto"] = "auto",
        min_distance: float = 0.0,
        look_ahead: int = 32,
        calibration: int = 100,
        hysteresis: float = 0.1,
        window: float | None = None,
        warm_spacing: float = 0.0,
    ) -> None:
        self._calibrating = floor == "auto"
        self._ahead = LookAhead(look_ahead, dim, hold=calibration if floor == "auto" else 1)
        self._min_distance = min_distance
        self._open_coreset = partial(
            Coreset[Frame],
            count,
            dim,
            hysteresis=hysteresis,
            window=window,
            warm_spacing=warm_spacing,
        )
        known = min_distance if floor == "auto" else max(floor, min_distance)
        self._coreset = self._open_coreset(floor=known)
        self._begun: dict[str, float] = {}
        self._clock = 0.0

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""
        return tuple(sorted(frame.key for frame in self._coreset.keys))

    @property
    def coreset(self) -> Coreset[Frame]:
        """The current coreset; calibration replaces it with a new, also empty one."""
        return self._coreset

    @property
    def floor(self) -> float:
        """The near-duplicate distance; ``min_distance`` until it is known."""
        return self._coreset.floor

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Add the next candidates of the stream; return the verdicts that are now certain.

        Raises:
            ConfigurationError: The length of an embedding is not ``dim``.
        """
        return [v for block in self._ahead.take(candidates) for v in self._decide(block)]

    def finish(self) -> list[Verdict]:
        """End the stream: return all outstanding verdicts."""
        return [v for block in self._ahead.rest() for v in self._decide(block)]

    def _calibrate(self, held: Sequence[Candidate]) -> None:
        """Determine the near-duplicate distance from the held candidates; start over with it."""
        feeds: defaultdict[str, list[Vector]] = defaultdict(list)
        for candidate in held:
            if candidate.embedding is not None:
                feeds[candidate.frame.key.feed].append(candidate.embedding)
        longest = max(feeds.values(), key=len)
        floor = max(self._min_distance, floor_from(np.stack(longest)))
        self._coreset = self._open_coreset(floor=floor)
        self._calibrating = False

    def _stream_time(self, frame: Frame) -> float:
        """Return seconds since the stream began; a feed starts at the time the others reached."""
        begun = self._begun.setdefault(frame.key.feed, self._clock - frame.media_time)
        self._clock = max(self._clock, begun + frame.media_time)
        return begun + frame.media_time

    def _decide(self, block: Sequence[Candidate]) -> list[Verdict]:
        """Decide a block of candidates, including refused ones; return their verdicts."""
        embedded = [
            (candidate, candidate.embedding)
            for candidate in block
            if candidate.embedding is not None
        ]
        if not embedded:
            return [refused(candidate) for candidate in block]
        if self._calibrating:
            self._calibrate([*block, *self._ahead.waiting])
        decisions = iter(
            self._coreset.offer_block(
                [candidate.frame for candidate, _ in embedded],
                np.stack([vector for _, vector in embedded]),  # (B, D)
                times=[self._stream_time(candidate.frame) for candidate, _ in embedded],
                qualities=[candidate.prefiltered.sharpness for candidate, _ in embedded],
            )
        )
        return [
            refused(candidate)
            if candidate.embedding is None
            else verdict_of(candidate, next(decisions))
            for candidate in block
        ]
