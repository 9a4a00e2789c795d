"""Values stored in a record: the plan of a run, its feeds, its kept frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey, SceneChange
from streamsel.record.rules import other_rules

_BY_FEED = ("places", "content")

Status: TypeAlias = Literal["running", "complete", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """A feed to read: its name, and its source with credentials masked.

    ``display_name`` is the name for people; None if it is the same.

    Raises :class:`ConfigurationError` for a name that cannot be a folder name.
    """

    name: str
    source: str
    display_name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a name that would lead out of the run's folder."""
        if self.name in {"", ".", ".."} or "/" in self.name or "\0" in self.name:
            raise ConfigurationError(f"feed name {self.name!r} cannot be the name of a folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The plan of a run. ``feeds`` are in reading order.

    ``config`` holds all options, for display; ``identity`` holds those that determine the result: a
    run is only continued with the same identity, embedder, method, count, seed and feeds, or with
    more feeds at the end, see :meth:`added`. Both hold JSON values; ``places`` and ``content`` of
    the identity are by feed. ``embedder_digest`` is the hex hash of the weights.
    """

    version: str
    config: Mapping[str, object]
    identity: Mapping[str, object]
    embedder: str
    embedder_digest: str
    method: str
    count: int | None
    seed: int
    feeds: Sequence[FeedPlan]

    def other_rules(self, other: RunPlan) -> list[str]:
        """Return in which rules this run and another differ; empty if in none.

        A run recorded without rules follows the first ones.
        """
        return other_rules(_part(self.identity, "rules"), _part(other.identity, "rules"))

    def differences(self, other: RunPlan) -> list[str]:
        """Return the options in which this plan and another differ; empty if in none.

        Excludes :meth:`other_rules`.

        >>> one = RunPlan(version="1", config={}, identity={"fps": 5}, embedder="e",
        ...     embedder_digest="00", method="online", count=9, seed=0, feeds=())
        >>> from dataclasses import replace
        >>> one.differences(replace(one, count=10, identity={"fps": None}))
        ['count was 9 and is 10', 'fps was 5 and is null']
        """
        was, wanted = dict(_flat(self._deciding())), dict(_flat(other._deciding()))
        return [
            f"{name} was {was.get(name, 'absent')} and is {wanted.get(name, 'absent')}"
            for name in sorted(was.keys() | wanted.keys())
            if was.get(name) != wanted.get(name)
        ]

    def added(self, other: RunPlan) -> tuple[FeedPlan, ...]:
        """Return the feeds that another, otherwise equal plan has after those of this one.

        >>> one = RunPlan(version="1", config={}, identity={}, embedder="e", embedder_digest="00",
        ...     method="online", count=9, seed=0, feeds=(FeedPlan("a", "a.mp4"),))
        >>> from dataclasses import replace
        >>> more = one.added(replace(one, feeds=(*one.feeds, FeedPlan("b", "b.mp4"))))
        >>> [feed.name for feed in more]
        ['b']
        >>> one.added(replace(one, feeds=(FeedPlan("b", "b.mp4"), *one.feeds)))
        ()
        """
        shared = len(self.feeds)
        return () if self.differences(other.first(shared)) else tuple(other.feeds[shared:])

    def first(self, count: int) -> RunPlan:
        """Return the plan with its first feed only."""
        feeds = self.feeds[:count]
        names = {feed.name for feed in feeds}
        identity = {
            name: {feed: one for feed, one in value.items() if feed in names}
            if name in _BY_FEED and isinstance(value, Mapping)
            else value
            for name, value in self.identity.items()
        }
        return replace(self, feeds=feeds, identity=identity)

    def _deciding(self) -> dict[str, object]:
        asked = {
            name: value for name, value in self.identity.items() if name not in ("rules", "places")
        }
        places = _part(self.identity, "places")
        return {
            **asked,
            "embedder": self.embedder,
            "embedder weights": self.embedder_digest,
            "method": self.method,
            "count": self.count,
            "seed": self.seed,
            "inputs": {feed.name: places.get(feed.name, feed.source) for feed in self.feeds},
            "order of inputs": [feed.name for feed in self.feeds],
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A run as recorded. Times are UTC epoch seconds; ``finished`` is None while it runs."""

    plan: RunPlan
    status: Status
    started: float
    finished: float | None


@dataclass(frozen=True, slots=True)
class Feed:
    """A recorded feed.

    ``recorded`` is the number of its recorded frames, which is the index of the next one;
    ``frames`` is its total, None until it has ended. ``status`` is the latest status of a live
    feed, as JSON. ``display_name`` is the name for people; None if it is the same.
    """

    name: str
    source: str
    recorded: int
    frames: int | None
    error: str | None
    warnings: tuple[str, ...]
    status: str | None = None
    display_name: str | None = None

    @property
    def done(self) -> bool:
        """Whether the feed was read to its end."""
        return self.frames is not None and self.recorded >= self.frames


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The complete picture file of a kept frame. ``path`` is relative to the run's folder."""

    key: FrameKey
    path: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A kept frame, the reason, and its picture if stored.

    ``distance`` and ``nearest`` refer to the nearest kept frame at admission. ``wall_time`` is the
    time of receipt or, for a file, the recording time stored in it; UTC epoch seconds. ``original``
    is the file name of an image.
    """

    key: FrameKey
    display_name: str
    source: str
    original: str | None
    pts: int | None
    time_base: Fraction
    media_time: float
    wall_time: float | None
    sharpness: float
    distance: float | None
    nearest: FrameKey | None
    reason: str
    picture: StoredPicture | None


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """The recorded decision on a frame. Fields as in :class:`streamsel.decisions.Verdict`.

    ``change`` is what changed in front of the camera; None if it was not measured.
    """

    key: FrameKey
    media_time: float
    outcome: str
    reason: str
    distance: float | None
    nearest: FrameKey | None
    threshold: float | None
    sharpness: float
    change: SceneChange | None


@dataclass(frozen=True, slots=True)
class Change:
    """A recorded change of the kept set: ``kind`` is ``kept`` or ``evicted``.

    ``cause`` is the frame with the verdict that caused it, None if there is none or it is no longer
    recorded. ``other`` is the nearest kept frame at admission, or the frame that represents an
    evicted one.
    """

    cause: FrameKey | None
    kind: str
    key: FrameKey
    other: FrameKey | None
    distance: float | None
    threshold: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class GoneScope:
    """The stored frames of a removed feed or group, ``scope``.

    ``feeds`` are the feeds of its frames, ``bytes`` the size of its pictures.
    """

    scope: str
    feeds: tuple[str, ...]
    frames: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of frames by outcome and reason, and of changes of the kept set."""

    outcomes: Mapping[tuple[str, str], int]
    admitted: int
    evicted: int

    def reasons(self, outcome: str) -> dict[str, int]:
        """Return the number of frames with an outcome, by reason, most frequent first."""
        counts = [(reason, n) for (what, reason), n in self.outcomes.items() if what == outcome]
        return dict(sorted(counts, key=lambda pair: (-pair[1], pair[0])))


def _part(identity: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a nested part of an identity; empty if missing."""
    part = identity.get(name)
    return part if isinstance(part, Mapping) else {}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value)
