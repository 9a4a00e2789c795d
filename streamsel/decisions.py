"""Values of decisions: verdicts and events of frames, feed status, selection updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from streamsel.frame import Candidate, Frame, FrameKey, Vector

Outcome: TypeAlias = Literal["kept", "covered", "refused"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame entered the coreset.

    ``distance`` and ``nearest`` are to the nearest kept frame at that moment (None for the first
    of all); ``threshold`` is what the distance had to exceed. ``reason`` is ``novel``;
    ``recalled`` for a frame that had been covered and stands in again after an eviction; or a
    baseline's, which measures nothing: ``drawn``, ``evenly-spaced``. ``embedding`` is the frame's
    own where whoever records it must be able to continue from it, as in a service.
    """

    frame: Frame
    distance: float | None
    nearest: FrameKey | None
    threshold: float
    reason: str
    embedding: Vector | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evicted:
    """A kept frame left the coreset; ``by`` represents it from now on, at ``distance``.

    ``reason`` is ``closest-pair``; ``merged``, when chunks of a long stream come together;
    ``near-duplicate``, when the floor was told after it was kept; ``resized``, when fewer may be
    kept; ``over-budget``, when the pictures exceed their bytes; ``lost``, when its picture could
    not be stored; ``picture-gone``, when there was none any more as it was recalled; or, and then
    nothing represents it and ``by`` is None, ``expired``, ``redrawn``, or ``removed``, with all of
    its feed or group, which is gone. ``by`` is None for the last frame of a coreset too.
    """

    frame: Frame
    by: FrameKey | None
    distance: float | None
    reason: str


Event: TypeAlias = Kept | Evicted

DropReason: TypeAlias = Literal["overload", "unreserved", "late", "sink", "lost", "picture-gone"]

DROP_REASONS: Mapping[DropReason, str] = MappingProxyType(
    {
        "overload": "not judged, for newer ones came before the machine got to them",
        "unreserved": "not judged, for the record could not reserve their numbers",
        "late": "judged but not recorded, for a sink is slower than frames come",
        "sink": "judged but not recorded, for a sink fails",
        "lost": "kept, and given up since the picture could not be stored",
        "picture-gone": "recalled, and given up since the picture had been let go of before",
    }
)
"""Why frames of a live feed give way: all there is, in the log, the metrics and the pages."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one frame, why, and what it changed.

    ``outcome`` is ``kept``, ``covered`` (a kept frame stands for it) or ``refused`` (it never
    became a candidate). ``reason`` is ``novel``; ``near-duplicate`` (within the floor),
    ``covered`` (within reach of a center) or ``full`` (of none, but every place is taken by a
    pinned frame); a baseline's (``not-drawn``, ``between``); or the
    prefilter's reason. ``distance`` is to ``nearest``,
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


FeedState: TypeAlias = Literal["connecting", "up", "useless", "down", "ended", "disabled"]
FaultKind: TypeAlias = Literal["refused", "covered", "moved", "unfocused"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why what a feed sends is of no use: ``kind`` is one of few, ``reason`` says it in words.

    ``refused``: none of its pictures passes the prefilter, for a reason that nothing stands in for.
    ``covered``, ``moved``, ``unfocused``: the camera has lost the view that it had.
    """

    kind: FaultKind
    reason: str


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How a live feed is.

    ``connecting``: no picture has come yet, or none since it was lost a moment ago; ``up``:
    pictures come; ``useless``: they come, and ``fault`` says of which kind it is that they are of
    no use; ``down``: none has come for longer than the feed may be silent; ``ended``: a file was
    read to its end, and all of it is judged; ``disabled``: switched off. ``since`` and
    ``last_frame`` are UTC epoch seconds (None: no frame ever came), ``sessions`` counts the times
    it was opened, ``reason`` says why it is not up, credentials masked, and is empty where it is.
    ``scope`` names the coreset that it is judged for: the feed itself, or its group. Two that
    differ in ``last_frame`` alone are equal.
    """

    feed: str
    address: str
    state: FeedState
    reason: str
    since: float
    sessions: int
    last_frame: float | None = field(compare=False)
    scope: str = ""
    fault: FaultKind | None = None

    def __post_init__(self) -> None:
        """A feed of no group is judged for itself."""
        if not self.scope:
            object.__setattr__(self, "scope", self.feed)


@dataclass(frozen=True, slots=True)
class SourceCounters:
    """What a live source has counted since it was made, over all its sessions.

    ``received`` are packets of the video, ``decoded`` pictures, ``damaged`` packets that the
    decoder refused.
    """

    received: int = 0
    decoded: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How the pictures of a live source come, and how fast they are passed on.

    ``speed``: of what comes in bursts, at most so many seconds of the feed's own time pass in one
    second; infinite: there is no such bound; None: pictures come when they are taken, and are
    passed on as they come. ``pause``: seconds without a picture that are nothing to worry about.
    ``is_finite``: it is a file, which waits where a camera would drop, and ends with its last
    picture.
    """

    speed: float | None = None
    pause: float = 0.0
    is_finite: bool = False


@dataclass(frozen=True, slots=True)
class SelectionUpdate:
    """All that one turn of the judge changed in one scope: stored whole, or not at all.

    ``scope`` names the coreset: a feed, or the group of feeds that shares it. ``changes`` have no
    verdict: the budget in bytes was exceeded, the count was lowered, a picture was lost. They
    follow the events of the verdicts. ``state`` is what the selector needs, beside the frames
    that are kept, to continue after all of this; None where it may be stored later, empty where
    there is no selector any more.
    ``recallable`` are the frames that are not kept after all of this and may be recalled, at most
    one for each that is kept; None: those that were told before, fewer perhaps. Of one that was
    evicted the stored picture is held on to meanwhile, for it is kept without a picture when it
    stands in again.
    """

    scope: str
    verdicts: tuple[Verdict, ...]
    changes: tuple[Event, ...] = ()
    state: bytes | None = None
    recallable: frozenset[FrameKey] | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """Every change of the kept set, in the order they happened."""
        return (*(event for verdict in self.verdicts for event in verdict.events), *self.changes)
