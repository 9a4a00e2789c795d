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
    """Selects in one pass with a :class:`Coreset`, of at most ``count`` frames at any time.

    Candidates are decided in blocks of ``look_ahead``, counted among those with an embedding from
    the start of the stream, so verdicts do not depend on how the candidates are handed over. With
    the floor ``auto`` the first ``calibration`` of them are held back and tell the floor, see
    :func:`floor_from`; of several feeds that one which has most of them. Times are media times,
    qualities are sharpness. A verdict is given as soon as all before it are.

    A frame is referred to only while it waits, is a center, or is the witness of one; so pictures
    are let go of early. Cost and guarantees are those of the coreset.

    Args:
        count: Most frames kept.
        dim: Length of an embedding.
        floor: Distance up to which frames are near duplicates, or ``auto``.
        min_distance: The least that the floor shall be.
        look_ahead: Frames in a block, 1 for the lowest latency.
        calibration: Frames that tell the floor.
        hysteresis: See :class:`Coreset`.
        window: Seconds after which what was not seen again is forgotten; None: never.
        warm_spacing: ``coreset.spacing`` at the end of an earlier run on the like.

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
        """The frames that are kept now, in order of their key."""
        return tuple(sorted(frame.key for frame in self._coreset.keys))

    @property
    def coreset(self) -> Coreset[Frame]:
        """The set as it is now; another, likewise empty one takes its place at calibration."""
        return self._coreset

    @property
    def floor(self) -> float:
        """Distance up to which frames are near duplicates; until it is known, ``min_distance``."""
        return self._coreset.floor

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Take the next candidates of the stream; return the verdicts that are now certain.

        Raises:
            ConfigurationError: An embedding's length is not ``dim``.
        """
        return [v for block in self._ahead.take(candidates) for v in self._decide(block)]

    def finish(self) -> list[Verdict]:
        """The stream has ended: return every verdict still owed."""
        return [v for block in self._ahead.rest() for v in self._decide(block)]

    def _calibrate(self, held: Sequence[Candidate]) -> None:
        """Tell the floor from the candidates that were held back, and start over with it."""
        feeds: defaultdict[str, list[Vector]] = defaultdict(list)
        for candidate in held:
            if candidate.embedding is not None:
                feeds[candidate.frame.key.feed].append(candidate.embedding)
        longest = max(feeds.values(), key=len)
        floor = max(self._min_distance, floor_from(np.stack(longest)))
        self._coreset = self._open_coreset(floor=floor)
        self._calibrating = False

    def _stream_time(self, frame: Frame) -> float:
        """Seconds since the stream began: each feed's own time begins where others had got to."""
        begun = self._begun.setdefault(frame.key.feed, self._clock - frame.media_time)
        self._clock = max(self._clock, begun + frame.media_time)
        return begun + frame.media_time

    def _decide(self, block: Sequence[Candidate]) -> list[Verdict]:
        """Decide a block of candidates, refused ones among them, and return their verdicts."""
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
