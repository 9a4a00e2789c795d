"""How a run or a service is, from its record, while it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamsel.sinks.record import Record


@dataclass(frozen=True, slots=True)
class FeedOverview:
    """A feed: ``kept`` frames of it are kept now; ``state`` is how a live one was last."""

    name: str
    source: str
    kept: int
    state: str | None
    reason: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """A run: what was kept, refused, covered and evicted.

    The counts are of the verdicts that are recorded; a service remembers its newest ones alone.
    ``bytes`` is the size of the pictures.
    """

    folder: str
    method: str
    status: str
    embedder: str
    embedder_digest: str
    kept: int
    bytes: int
    admitted: int
    evicted: int
    covered: dict[str, int]
    refused: dict[str, int]
    feeds: tuple[FeedOverview, ...]

    def as_json(self) -> dict[str, object]:
        """All of it under its published names."""
        return asdict(self)


def overview(folder: Path) -> Overview:
    """Read how a run is. Raises :class:`RecordError` where the folder holds none."""
    with Record.open(folder) as record:
        run, counts = record.run(), record.counts()
        kept = list(record.kept())
        by_feed: dict[str, int] = {}
        for frame in kept:
            by_feed[frame.key.feed] = by_feed.get(frame.key.feed, 0) + 1
        return Overview(
            folder=str(folder),
            method=run.plan.method,
            status=run.status,
            embedder=run.plan.embedder,
            embedder_digest=run.plan.embedder_digest,
            kept=len(kept),
            bytes=sum(frame.picture.bytes for frame in kept if frame.picture is not None),
            admitted=counts.admitted,
            evicted=counts.evicted,
            covered=counts.reasons("covered"),
            refused=counts.reasons("refused"),
            feeds=tuple(
                FeedOverview(
                    feed.name,
                    feed.source,
                    by_feed.get(feed.name, 0),
                    *_live(feed.status),
                    feed.error,
                )
                for feed in record.feeds()
            ),
        )


def _live(status: str | None) -> tuple[str | None, str | None]:
    if status is None:
        return None, None
    told: dict[str, Any] = json.loads(status)
    return told["state"], told["reason"]
