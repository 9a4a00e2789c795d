"""What the selector decided: events change the kept set, a verdict explains one frame's fate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamsel.frame import Candidate, Frame, FrameKey

Outcome: TypeAlias = Literal["kept", "covered", "refused"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame entered the coreset.

    ``distance`` and ``nearest`` are to the nearest kept frame at that moment (None for the first
    of all); ``threshold`` is what the distance had to exceed. ``reason`` is ``novel``;
    ``recalled`` for a frame that had been covered and stands in again after an eviction; or a
    baseline's, which measures nothing: ``drawn``, ``evenly-spaced``.
    """

    frame: Frame
    distance: float | None
    nearest: FrameKey | None
    threshold: float
    reason: str


@dataclass(frozen=True, slots=True)
class Evicted:
    """A kept frame left the coreset; ``by`` represents it from now on, at ``distance``.

    ``reason`` is ``closest-pair``; ``merged``, when chunks of a long stream come together; or
    ``expired`` or ``redrawn`` (then nothing represents it and ``by`` is None).
    """

    frame: Frame
    by: FrameKey | None
    distance: float | None
    reason: str


Event: TypeAlias = Kept | Evicted


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one frame, why, and what it changed.

    ``outcome`` is ``kept``, ``covered`` (a kept frame stands for it) or ``refused`` (it never
    became a candidate). ``reason`` is ``novel``; ``near-duplicate`` (within the floor) or
    ``covered`` (within reach of a center); a baseline's (``not-drawn``, ``between``); or the
    screen's reason. ``distance`` is to ``nearest``,
    both None where none was measured. ``events`` are in the order they happened: a covered frame
    may still cause an eviction, and one frame may cause several. Verdicts come out in stream
    order, so what has been recorded is always a prefix of the stream.
    """

    candidate: Candidate
    outcome: Outcome
    reason: str
    distance: float | None
    nearest: FrameKey | None
    threshold: float | None
    events: tuple[Event, ...] = ()

    @property
    def frame(self) -> Frame:
        """The frame that was judged."""
        return self.candidate.frame


@dataclass(frozen=True, slots=True)
class FeedReport:
    """How a feed ended.

    ``frames`` is one past the index of the last frame that was read, ``error`` why the feed could
    not be read to its end (None: it could), ``warnings`` what was wrong with it on the way.
    """

    feed: str
    frames: int
    error: str | None
    warnings: tuple[str, ...]
