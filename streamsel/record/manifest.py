"""Writes manifest.jsonl: one line per kept frame, readable without a database."""

from __future__ import annotations

from collections.abc import Iterator

from streamsel.json_text import json_text
from streamsel.record.reader import Record


def manifest_lines(record: Record) -> Iterator[str]:
    """Yield a line of JSON for every kept frame with a stored picture.

    Ordered by feed and index. Times are seconds; ``wall_time`` is UTC epoch seconds or null (for a
    file: the recording time stored in it), ``original`` the file name of an image, ``path``
    relative to the run's folder, ``time_base`` a fraction as text.
    """
    plan = record.run().plan
    embedder = {"name": plan.embedder, "digest": plan.embedder_digest}
    for kept in record.kept():
        if kept.picture is None:
            continue
        line = {
            "id": str(kept.key),
            "feed": kept.key.feed,
            "display_name": kept.display_name,
            "source": kept.source,
            "original": kept.original,
            "index": kept.key.index,
            "pts": kept.pts,
            "time_base": f"{kept.time_base.numerator}/{kept.time_base.denominator}",
            "media_time": kept.media_time,
            "wall_time": kept.wall_time,
            "path": kept.picture.path,
            "width": kept.picture.width,
            "height": kept.picture.height,
            "bytes": kept.picture.bytes,
            "sha256": kept.picture.sha256,
            "distance": kept.distance,
            "nearest": None if kept.nearest is None else str(kept.nearest),
            "reason": kept.reason,
            "sharpness": kept.sharpness,
            "embedder": embedder,
        }
        yield json_text(line) + "\n"
