"""The rows of an export: one per frame, read lazily from the record."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, TypeAlias

from streamsel.frame import Candidate, FrameKey, Vector
from streamsel.record.manifest import manifest_lines
from streamsel.record.reader import Record
from streamsel.record.values import RecordedDecision, StoredPicture

What: TypeAlias = Literal["kept", "all"]
Value: TypeAlias = str | int | float | bool | None

_ABOUT_KEPT: dict[str, type] = {
    "id": str,
    "feed": str,
    "display_name": str,
    "source": str,
    "original": str,
    "index": int,
    "pts": int,
    "time_base": str,
    "media_time": float,
    "wall_time": float,
    "path": str,
    "width": int,
    "height": int,
    "bytes": int,
    "sha256": str,
    "distance": float,
    "nearest": str,
    "reason": str,
    "sharpness": float,
    "embedder": str,
    "embedder_digest": str,
}
_OF_PICTURE = ("path", "width", "height", "bytes", "sha256")
_ABOUT_JUDGED = _ABOUT_KEPT | {"kept": bool, "outcome": str, "threshold": float}


@dataclass(frozen=True, slots=True, eq=False)
class ExportRow:
    """One frame: a value for each column, and its (D,) embedding if it has one."""

    fields: dict[str, Value]
    embedding: Vector | None


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """The content of an export. ``rows`` can be read once, and are closed before the record.

    ``columns`` are the names of the fields in order, with the type of values that are not None.
    ``dim`` is the length of an embedding, None if they are left out, 0 if there are none.
    """

    embedder: str
    embedder_digest: str
    columns: dict[str, type]
    dim: int | None
    rows: Generator[ExportRow, None, None]


def export_of(record: Record, what: What, *, embeddings: bool) -> Export:
    """Return the content to export of a run.

    ``kept`` are the frames of the manifest, in its order; ``all`` are all recorded frames in stream
    order, with verdicts. Rows are a consistent snapshot, also during the run. Memory grows with the
    kept frames, not with those seen.
    """
    plan = record.run().plan
    return Export(
        embedder=plan.embedder,
        embedder_digest=plan.embedder_digest,
        columns=_ABOUT_KEPT if what == "kept" else _ABOUT_JUDGED,
        dim=_dim(record) if embeddings else None,
        rows=_kept(record, embeddings) if what == "kept" else _judged(record, embeddings),
    )


def _dim(record: Record) -> int:
    with closing(record.candidates()) as candidates:
        return next((len(one.embedding) for one in candidates if one.embedding is not None), 0)


def _kept(record: Record, embeddings: bool) -> Generator[ExportRow, None, None]:
    for line in manifest_lines(record):
        fields = json.loads(line)
        embedder = fields.pop("embedder")
        fields |= {"embedder": embedder["name"], "embedder_digest": embedder["digest"]}
        key = FrameKey(fields["feed"], fields["index"])
        yield ExportRow(fields, record.embedding(key) if embeddings else None)


def _judged(record: Record, embeddings: bool) -> Generator[ExportRow, None, None]:
    plan = record.run().plan
    by = {"embedder": plan.embedder, "embedder_digest": plan.embedder_digest}
    with closing(record.candidates()) as candidates, closing(record.decisions()) as decisions:
        pairs = zip(candidates, decisions, strict=True)
        # While the first query is open, all queries see the same snapshot.
        first = list(islice(pairs, 1))
        kept = {frame.key: frame.picture for frame in record.kept()}
        feeds = {
            feed.name: {"source": feed.source, "display_name": feed.display_name or feed.name}
            for feed in record.feeds()
        }
        for candidate, decision in chain(first, pairs):
            key = candidate.frame.key
            fields = _told(candidate, decision, kept.get(key)) | by
            # A refused frame has no valid vector.
            has_vector = embeddings and decision.outcome != "refused"
            yield ExportRow(
                fields | feeds[key.feed] | {"kept": key in kept},
                candidate.embedding if has_vector else None,
            )


def _told(
    candidate: Candidate, decision: RecordedDecision, picture: StoredPicture | None
) -> dict[str, Value]:
    frame, key = candidate.frame, decision.key
    return {
        "id": str(key),
        "feed": key.feed,
        "index": key.index,
        "pts": frame.pts,
        "time_base": f"{frame.time_base.numerator}/{frame.time_base.denominator}",
        "media_time": frame.media_time,
        "wall_time": frame.recorded if frame.wall_time is None else frame.wall_time,
        "original": frame.original,
        **{name: None if picture is None else getattr(picture, name) for name in _OF_PICTURE},
        "distance": decision.distance,
        "nearest": None if decision.nearest is None else str(decision.nearest),
        "outcome": decision.outcome,
        "reason": decision.reason,
        "threshold": decision.threshold,
        "sharpness": decision.sharpness,
    }
