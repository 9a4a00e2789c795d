"""The current state of a run or service, read from its record."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamsel.errors import RecordError
from streamsel.evaluation.diversity import EXACT_UP_TO, pairwise
from streamsel.record.reader import Record
from streamsel.record.values import GoneScope, RunPlan
from streamsel.selection.state import LiveState


@dataclass(frozen=True, slots=True)
class FeedOverview:
    """A feed: ``kept`` frames of it are kept now; ``state`` is the last state of a live feed."""

    name: str
    source: str
    kept: int
    state: str | None
    reason: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ScopeOverview:
    """A selector of a service. ``capacity`` is the maximum number of its frames.

    ``spacing`` is the smallest distance between two of them when it was last full; 0 before that.
    Both are None if the stored state is damaged.
    """

    name: str
    capacity: int | None
    spacing: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The current state of a run: frames kept, refused, covered and evicted.

    Counts are over the recorded verdicts, for a service only its newest ones. ``count`` is the
    maximum number of frames of a selection (of each input if ``per_input``), ``max_bytes`` the
    maximum size of a service's pictures, both None if unlimited. ``bytes`` is the size of the
    pictures, ``closest`` the distance of the closest pair of kept frames (None for fewer than two
    or more than 5,000 frames). ``fixed_cameras`` are the feeds of which the camera is fixed, with
    the media time from which it does. ``gone`` are the stored frames of removed feeds and groups.
    """

    folder: str
    method: str
    status: str
    embedder: str
    embedder_digest: str
    kept: int
    count: int | None
    per_input: bool
    bytes: int
    max_bytes: int | None
    closest: float | None
    admitted: int
    evicted: int
    covered: dict[str, int]
    refused: dict[str, int]
    scopes: tuple[ScopeOverview, ...]
    feeds: tuple[FeedOverview, ...]
    fixed_cameras: dict[str, float]
    gone: tuple[GoneScope, ...]

    def as_json(self) -> dict[str, object]:
        """Return the values under their published names."""
        return asdict(self)


def overview(folder: Path) -> Overview:
    """Read the state of a run. Raises :class:`RecordError` if the folder contains none."""
    with Record.open(folder) as record:
        run, counts = record.run(), record.counts()
        kept = list(record.kept())
        by_feed = Counter(frame.key.feed for frame in kept)
        options: Any = record.statistics().get("options", {})
        return Overview(
            folder=str(folder),
            method=run.plan.method,
            status=run.status,
            embedder=run.plan.embedder,
            embedder_digest=run.plan.embedder_digest,
            kept=len(kept),
            count=run.plan.count,
            per_input=_is_per_input(run.plan),
            bytes=sum(frame.picture.bytes for frame in kept if frame.picture is not None),
            max_bytes=options.get("max_bytes"),
            closest=_closest(record) if len(kept) <= EXACT_UP_TO else None,
            admitted=counts.admitted,
            evicted=counts.evicted,
            covered=counts.reasons("covered"),
            refused=counts.reasons("refused"),
            scopes=tuple(_scope(name, state) for name, state in record.selections().items()),
            feeds=tuple(
                FeedOverview(
                    feed.name, feed.source, by_feed[feed.name], *_live(feed.status), feed.error
                )
                for feed in record.feeds()
            ),
            fixed_cameras={
                feed.name: since
                for feed in record.feeds()
                if (since := record.scene(feed.name).fixed_since) is not None
            },
            gone=tuple(record.gone()),
        )


def _is_per_input(plan: RunPlan) -> bool:
    select = plan.identity.get("select")
    return isinstance(select, Mapping) and bool(select.get("per_input"))


def _closest(record: Record) -> float | None:
    vectors = [record.embedding(frame.key) for frame in record.kept()]
    known = [vector for vector in vectors if vector is not None]
    if not known:
        return None
    distance = pairwise(np.stack(known)).min  # (C, D)
    return distance if math.isfinite(distance) else None


def _scope(name: str, state: bytes) -> ScopeOverview:
    try:
        known = LiveState.from_bytes(state)
    except RecordError:
        return ScopeOverview(name, None, None)
    return ScopeOverview(name, known.capacity, known.progress.spacing)


def _live(status: str | None) -> tuple[str | None, str | None]:
    if status is None:
        return None, None
    told: dict[str, Any] = json.loads(status)
    return told["state"], told["reason"]
