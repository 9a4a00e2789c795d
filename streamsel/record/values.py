"""Values stored in a record: the plan of a run, its feeds, its kept frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey
from streamsel.record.rules import other_rules

_BY_FEED = ("places", "content")

Status: TypeAlias = Literal["running", "complete", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """A feed that will be read: its name, and where it comes from with credentials masked.

    ``display_name`` is what people call it, None where that is its name.

    Raises :class:`ConfigurationError` for a name that cannot be a folder's.
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
    """What was asked for. ``feeds`` are in the order in which they are read.

    ``config`` is everything, for showing; ``identity`` is what of it decides the result: a run is
    only ever continued with the same identity, embedder, method, count, seed and feeds, or with
    more feeds at the end, see :meth:`added`. Both hold JSON values; of the identity ``places`` and
    ``content`` are by feed. ``embedder_digest`` is the hex hash of the weights.
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
        """Say by which rules this run and another make their pictures and names; empty: the same.

        A run that was recorded without any follows the first ones.
        """
        return other_rules(_part(self.identity, "rules"), _part(other.identity, "rules"))

    def differences(self, other: RunPlan) -> list[str]:
        """Say where this plan and another would give different results; empty: nowhere.

        What :meth:`other_rules` says is left out.

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
        """The feeds that another plan has after all those of this one, being equal otherwise.

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
        """The plan without all feeds but the first."""
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
    """A feed as recorded.

    ``recorded`` is how many of its frames are in the record, and so the index of the next one;
    ``frames`` is how many it had, None until it has ended. ``status`` is how a live one was last,
    as JSON. ``display_name`` is what people call it, None where that is its name.
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
        """Whether nothing of this feed is left to be read."""
        return self.frames is not None and self.recorded >= self.frames


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A whole file of a kept frame. ``path`` is relative to the run's folder, with slashes."""

    key: FrameKey
    path: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame that is kept now, why, and its picture where one is stored.

    ``distance`` and ``nearest`` are to the nearest kept frame when it was admitted. ``wall_time``
    is when it was received, or, in a file, when that says it was taken; UTC epoch seconds.
    ``original`` is the name of an image's own file.
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
    """What became of a frame, as recorded. Fields as in :class:`streamsel.decisions.Verdict`."""

    key: FrameKey
    media_time: float
    outcome: str
    reason: str
    distance: float | None
    nearest: FrameKey | None
    threshold: float | None
    sharpness: float


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the kept set, as recorded: ``kind`` is ``kept`` or ``evicted``.

    ``cause`` is the frame whose verdict brought it about, None where none did or it is no longer
    recorded. ``other`` is the nearest kept frame of
    one that was kept, and who stands in for one that was evicted.
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
    """What is kept of a feed or group, ``scope``, that a service selects into no more.

    ``feeds`` are those whose frames they are, ``bytes`` the size of the pictures.
    """

    scope: str
    feeds: tuple[str, ...]
    frames: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many frames had which outcome for which reason, and how often the kept set changed."""

    outcomes: Mapping[tuple[str, str], int]
    admitted: int
    evicted: int

    def reasons(self, outcome: str) -> dict[str, int]:
        """The frames with one outcome, by reason, the most frequent first."""
        counts = [(reason, n) for (what, reason), n in self.outcomes.items() if what == outcome]
        return dict(sorted(counts, key=lambda pair: (-pair[1], pair[0])))


def _part(identity: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A part of an identity that has names of its own; empty where it is missing."""
    part = identity.get(name)
    return part if isinstance(part, Mapping) else {}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value)
