"""Where the golden records meet the package: all that they import of it, and its words for theirs.

A renaming of classes and modules ends here; what is committed holds public words alone.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import Any

from streamsel.cli.main import cli
from tests.golden.records import Row, Value

_VERDICTS = """
SELECT feeds.name, idx, outcome, reason, distance, nearest.name, nearest_idx, threshold,
    media_time, sharpness, vector
FROM frames JOIN feeds ON feeds.id = feed LEFT JOIN feeds AS nearest ON nearest.id = nearest_feed
LEFT JOIN embeddings ON frame = seq ORDER BY seq
"""
_CHANGES = """
SELECT kind, feeds.name, events.idx, other.name, other_idx, events.distance, events.threshold,
    events.reason, causes.name, frames.idx
FROM events JOIN feeds ON feeds.id = events.feed LEFT JOIN feeds AS other ON other.id = other_feed
LEFT JOIN frames ON seq = cause LEFT JOIN feeds AS causes ON causes.id = frames.feed
ORDER BY events.id
"""
_KEPT = """
SELECT feeds.name, idx, path, width, height, sha256
FROM kept JOIN feeds ON feeds.id = feed WHERE live ORDER BY feed, idx
"""


def command(*arguments: object) -> str:
    """Run the command line in this process and return what it printed; it must end well."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main([str(one) for one in arguments], standalone_mode=False)
    assert not code, f"{' '.join(map(str, arguments))}: exit {code}: {err.getvalue()}"
    return out.getvalue()


def recorded(folder: Path, *, looked_at: bool = True) -> Iterator[Row]:
    """What the record in a folder says: every verdict, every change, in order.

    ``looked_at``: what was seen of each frame, and the stored pictures, too; no method of
    selection has a part in these.
    """
    with closing(sqlite3.connect(f"file:{folder / 'streamsel.db'}?mode=ro", uri=True)) as database:
        for feed, index, outcome, reason, distance, near, near_index, *rest in database.execute(
            _VERDICTS
        ):
            threshold, media_time, sharpness, vector = rest
            yield {
                "kind": "verdict",
                "frame": key(feed, index),
                "outcome": outcome,
                "reason": reason,
                "distance": distance,
                "nearest": key(near, near_index),
                "threshold": threshold,
            }
            if looked_at:
                yield {
                    "kind": "seen",
                    "frame": key(feed, index),
                    "media_time": media_time,
                    "sharpness": sharpness,
                }
            if vector is not None:
                yield {"kind": "digest", "name": "vector", "sha256": sha256(vector).hexdigest()}
        for (
            kind,
            feed,
            index,
            other,
            other_index,
            distance,
            threshold,
            reason,
            *by,
        ) in database.execute(_CHANGES):
            cause = key(*by)
            yield change(
                kind, key(feed, index), key(other, other_index), distance, threshold, reason, cause
            )
        if not looked_at:
            return
        for feed, index, path, width, height, digest in database.execute(_KEPT):
            yield {
                "kind": "picture",
                "frame": key(feed, index),
                "path": path,
                "width": width,
                "height": height,
                "sha256": digest.hex(),
            }


def key(feed: str | None, index: int | None) -> str | None:
    """A frame in the words of the records; None where there is none."""
    return None if feed is None else f"{feed} {index}"


def change(
    kind: str,
    frame: str | None,
    other: str | None,
    distance: float | None,
    threshold: float | None,
    reason: str,
    cause: str | None,
) -> Row:
    """A change of the kept set; of one that was evicted, ``other`` stands in for it."""
    row: dict[str, Value] = {"kind": kind, "frame": frame, "distance": distance}
    if kind == "kept":
        row |= {"nearest": other, "threshold": threshold}
    else:
        row |= {"by": other}
    return {**row, "reason": reason, "cause": cause}


def figures(found: Any, name: str = "") -> Iterator[Row]:
    """The numbers and words of a JSON value, each with its path."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from figures(value, f"{name}.{key}" if name else key)
    elif isinstance(found, list):
        for place, value in enumerate(found):
            yield from figures(value, f"{name}.{place}")
    else:
        yield {"kind": "figure", "name": name, "value": found}


def select(inputs: Sequence[Path], folder: Path, *options: object) -> list[Row]:
    """Select into a folder, and return what is recorded, with the summary that is printed."""
    told = ("--durability", "batched", "--format", "png", "--json")
    looked_at = "--embeddings" not in options
    summary = json.loads(command("select", *inputs, "-o", folder, *told, *options))
    known = ("frames", "kept", "admitted", "evicted", "refused", "diversity")
    return [
        *recorded(folder, looked_at=looked_at),
        *figures({name: summary[name] for name in known}),
    ]


def compare(inputs: Sequence[Path], *options: object) -> list[Row]:
    """Compare the methods, and return the figures of the table."""
    found = json.loads(command("compare", *inputs, "--json", *options))
    return [*figures(found["rows"], "rows")]


def write_vectors(folder: Path, table: Path) -> None:
    """Write the vectors of a recorded run as a table that other runs can take."""
    command("export", folder, "-o", table, "--what", "all", "--overwrite")
