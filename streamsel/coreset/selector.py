"""The one-pass selector: candidates in stream order in, verdicts in stream order out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from streamsel.coreset.decision import Admitted, Change, Decision
from streamsel.coreset.duplicates import floor_from
from streamsel.coreset.kcenter import Coreset
from streamsel.coreset.verdicts import INVALID_EMBEDDING, refused
from streamsel.errors import ConfigurationError
from streamsel.event import Event, Evicted, Kept, Verdict
from streamsel.frame import Candidate, Frame, FrameKey, Vector


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
        for name, frames in (("look_ahead", look_ahead), ("calibration", calibration)):
            if frames < 1:
                raise ConfigurationError(f"selector: {name} is {frames}; it must be at least 1")
        self._look_ahead = look_ahead
        self._min_distance = min_distance
        self._calibrating = floor == "auto"
        self._due = calibration if floor == "auto" else look_ahead
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
        self._waiting: list[Candidate] = []
        self._begun: dict[str, float] = {}
        self._clock = 0.0
        self._embedded = 0

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
        verdicts: list[Verdict] = []
        for candidate in candidates:
            if candidate.embedding is not None:
                self._embedded += 1
                if candidate.embedding.shape != (self._coreset.dim,):
                    raise ConfigurationError(
                        f"selector: the embedding of {candidate.frame.key} has the shape "
                        f"{candidate.embedding.shape}; it must be ({self._coreset.dim},)"
                    )
            self._waiting.append(candidate)
            if self._embedded in (0, self._due):
                verdicts += self._settle(ended=False)
        return verdicts

    def finish(self) -> list[Verdict]:
        """The stream has ended: return every verdict still owed."""
        return self._settle(ended=True)

    def _settle(self, ended: bool) -> list[Verdict]:
        """Decide the whole blocks among what waits, and the last, shorter one if the end came."""
        if self._calibrating and self._embedded:
            self._calibrate()
        verdicts: list[Verdict] = []
        block: list[Candidate] = []
        embedded = 0
        for candidate in self._waiting:
            block.append(candidate)
            embedded += candidate.embedding is not None
            if embedded in (0, self._look_ahead):
                verdicts += self._decide(block)
                block, embedded = [], 0
        if ended:
            verdicts += self._decide(block)
            block, embedded = [], 0
        self._waiting, self._embedded = block, embedded
        return verdicts

    def _calibrate(self) -> None:
        """Tell the floor from the candidates that wait, and start over with it."""
        feeds: defaultdict[str, list[Vector]] = defaultdict(list)
        for candidate in self._waiting:
            if candidate.embedding is not None:
                feeds[candidate.frame.key.feed].append(candidate.embedding)
        longest = max(feeds.values(), key=len)
        floor = max(self._min_distance, floor_from(np.stack(longest)))
        self._coreset = self._open_coreset(floor=floor)
        self._calibrating, self._due = False, self._look_ahead

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
        decisions = iter(
            self._coreset.offer_block(
                [candidate.frame for candidate, _ in embedded],
                np.stack([vector for _, vector in embedded]),  # (B, D)
                times=[self._stream_time(candidate.frame) for candidate, _ in embedded],
                qualities=[candidate.sighting.sharpness for candidate, _ in embedded],
            )
        )
        return [
            refused(candidate)
            if candidate.embedding is None
            else _verdict(candidate, next(decisions))
            for candidate in block
        ]


def _verdict(candidate: Candidate, decision: Decision[Frame]) -> Verdict:
    """Say what the coreset decided in the words of the line."""
    if decision.outcome == "rejected":
        return refused(candidate, INVALID_EMBEDDING)
    return Verdict(
        candidate=candidate,
        outcome="kept" if decision.outcome == "admitted" else "covered",
        reason=decision.reason,
        distance=decision.distance,
        nearest=None if decision.nearest is None else decision.nearest.key,
        threshold=decision.threshold,
        events=tuple(_event(change) for change in decision.changes),
    )


def _event(change: Change[Frame]) -> Event:
    """Say what changed in the words of the line."""
    if isinstance(change, Admitted):
        return Kept(
            frame=change.key,
            distance=change.distance,
            nearest=None if change.nearest is None else change.nearest.key,
            threshold=change.threshold,
            reason=change.reason,
        )
    return Evicted(
        frame=change.key,
        by=None if change.by is None else change.by.key,
        distance=change.distance,
        reason=change.reason,
    )
