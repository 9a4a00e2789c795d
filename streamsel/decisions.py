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
    """A frame was added to the kept set.

    ``distance`` and ``nearest`` refer to the nearest kept frame at that moment (None for the first
    frame); the distance exceeded ``threshold``. ``reason`` is ``novel``; ``recalled`` for a frame
    that was covered and represents again after an eviction; or that of a baseline, which measures
    nothing: ``drawn``, ``evenly-spaced``. ``embedding`` is the frame's own, if the record must be
    able to continue from it, as in a service.
    """

    frame: Frame
    distance: float | None
    nearest: FrameKey | None
    threshold: float
    reason: str
    embedding: Vector | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evicted:
    """A kept frame was removed from the kept set; ``by`` represents it now, at ``distance``.

    ``reason`` is ``closest-pair`` (to make room); ``exchanged`` (a more novel frame of its burst
    replaced it); ``merged`` (chunks of a long stream were
    combined); ``near-duplicate`` (the near-duplicate distance was raised later); ``resized`` (the
    count was lowered); ``over-budget`` (the pictures exceed their budget in bytes); ``lost`` (the
    picture could not be stored); ``picture-gone`` (recalled, but the picture had been deleted).
    With ``expired``, ``redrawn`` and ``removed`` (with all frames of its feed or group) nothing
    represents the frame, and ``by`` is None. ``by`` is also None for the last frame of a coreset.
    """

    frame: Frame
    by: FrameKey | None
    distance: float | None
    reason: str


Event: TypeAlias = Kept | Evicted

DropReason: TypeAlias = Literal["overload", "unreserved", "late", "sink", "lost", "picture-gone"]

DROP_REASONS: Mapping[DropReason, str] = MappingProxyType(
    {
        "overload": "not judged: newer frames arrived before the machine was ready",
        "unreserved": "not judged: the record could not reserve frame numbers",
        "late": "judged but not recorded: a sink is slower than frames arrive",
        "sink": "judged but not recorded: a sink fails",
        "lost": "kept, then evicted: the picture could not be stored",
        "picture-gone": "recalled, then evicted: the picture had been deleted",
    }
)
"""Every reason for dropping a live frame, as used in the log, metrics and pages."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one frame, its reason, and the changes it caused.

    ``outcome`` is ``kept``, ``covered`` (a kept frame represents it) or ``refused`` (it never
    became a candidate). ``reason`` is ``novel``; ``near-duplicate`` (within the near-duplicate
    distance of a kept frame), ``covered`` (within the threshold of one), ``burst`` (beyond it, but
    enough frames are kept of its stretch of time) or ``full`` (beyond it, but every place is taken
    by a pinned frame); that of a baseline (``not-drawn``, ``between``); or the
    prefilter's. ``distance`` is the distance to ``nearest``; both are None if none was measured.
    ``events`` are in the order in which they happened: a covered frame may cause an eviction, and
    one frame may cause several events. Verdicts come out in stream order, so the record is always a
    prefix of the stream.
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
        """The judged frame."""
        return self.candidate.frame


@dataclass(frozen=True, slots=True)
class FeedReport:
    """The end of a feed.

    ``frames`` is one past the index of the last frame read, ``error`` the reason why the feed could
    not be read to its end (None if it could), ``warnings`` the problems on the way.
    """

    feed: str
    frames: int
    error: str | None
    warnings: tuple[str, ...]


FeedState: TypeAlias = Literal["connecting", "up", "useless", "down", "ended", "disabled"]
FaultKind: TypeAlias = Literal["refused", "covered", "moved", "unfocused"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the frames of a feed are useless: ``kind`` classifies, ``reason`` explains in words.

    ``refused``: the prefilter refuses every frame. ``covered``, ``moved``, ``unfocused``: the
    camera has lost its usual view.
    """

    kind: FaultKind
    reason: str


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """The status of a live feed.

    ``connecting``: no picture yet, or none since a recent loss. ``up``: pictures arrive.
    ``useless``: pictures arrive, but are useless; ``fault`` says why. ``down``: no picture for
    longer than the feed's timeout. ``ended``: a file was read to its end, and all of it is judged.
    ``disabled``: switched off. ``since`` and ``last_frame`` are UTC epoch seconds (None: no frame
    yet), ``sessions`` counts connections, ``reason`` explains why the feed is not up, credentials
    masked, and is empty if it is. ``scope`` names its coreset: the feed itself, or its group.
    ``fixed``: whether the camera counts as fixed; None: unknown, or not measured.
    ``last_frame`` is ignored by equality.
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
    fixed: bool | None = None

    def __post_init__(self) -> None:
        """Use the feed as its own scope if it has no group."""
        if not self.scope:
            object.__setattr__(self, "scope", self.feed)


@dataclass(frozen=True, slots=True)
class SourceCounters:
    """The counters of a live source, over all its sessions.

    ``received`` counts packets of the video, ``decoded`` pictures, ``damaged`` packets that the
    decoder refused.
    """

    received: int = 0
    decoded: int = 0
    damaged: int = 0

    def plus(self, more: SourceCounters) -> SourceCounters:
        """Return the counters with those of a further session added.

        >>> SourceCounters(3, 2, 1).plus(SourceCounters(received=4))
        SourceCounters(received=7, decoded=2, damaged=1)
        """
        return SourceCounters(
            self.received + more.received,
            self.decoded + more.decoded,
            self.damaged + more.damaged,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How the pictures of a live source arrive, and how fast they are passed on.

    ``speed``: bursts are spread so that at most this many seconds of the feed's own time pass per
    second; infinite: no limit; None: pictures are made on demand and passed on at once. ``pause``:
    seconds without a picture that are normal. ``is_finite``: the source is a file, which waits
    where a camera would drop frames, and ends with its last picture.
    """

    speed: float | None = None
    pause: float = 0.0
    is_finite: bool = False


@dataclass(frozen=True, slots=True)
class SelectionUpdate:
    """All changes of one turn of the judge in one scope: applied as a whole, or not at all.

    ``scope`` names the coreset: a feed, or the group of feeds that shares it; in a file run it is
    empty, because an update may span several coresets, one per input. ``changes`` have no
    verdict (the budget in bytes was exceeded, the count was lowered, a picture was lost) and follow
    the events of the verdicts. ``state`` is what the selector needs, apart from the kept frames, to
    continue after this update; None if it may be stored later, empty if the selector was removed.
    ``recallable`` are the frames that are not kept after this update but may be recalled, at most
    one per kept frame; None: unchanged, or fewer. A sink retains the stored picture of an evicted
    recallable frame, because the frame is kept without a picture when it is recalled.
    """

    scope: str
    verdicts: tuple[Verdict, ...]
    changes: tuple[Event, ...] = ()
    state: bytes | None = None
    recallable: frozenset[FrameKey] | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """Every change of the kept set, in order."""
        return (*(event for verdict in self.verdicts for event in verdict.events), *self.changes)
