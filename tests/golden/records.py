"""What is written down of a run: rows of public words, as JSON lines, and how two are compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = str | int | float | None
Row: TypeAlias = Mapping[str, Value]
"""One line of a record; ``kind`` says which columns it has."""
Records: TypeAlias = Mapping[str, Sequence[Row]]
"""Rows by the name of the record."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "record": ("name",),
    "verdict": ("frame", "outcome", "reason", "distance", "nearest", "threshold"),
    "seen": ("frame", "media_time", "sharpness"),
    "kept": ("frame", "distance", "nearest", "threshold", "reason", "cause"),
    "evicted": ("frame", "distance", "by", "reason", "cause"),
    "picture": ("frame", "path", "width", "height", "sha256"),
    "figure": ("name", "value"),
    "digest": ("name", "sha256"),
}
ONLY_BITS = ("sha256",)
"""Columns of what may differ on another machine: compared with ``--against`` alone."""
ABSOLUTE, RELATIVE = 1e-3, 1e-3
"""How far a float may be off: another processor rounds otherwise, and a distance near 0 is the
root of what that leaves."""


def to_text(rows: Iterable[Row]) -> str:
    """Rows as committed: an array a line, floats to four places, without what is bits alone."""
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in _lines(rows))


def from_text(text: str) -> list[list[Value]]:
    """Read what :func:`to_text` wrote."""
    return [json.loads(line) for line in text.splitlines()]


def _lines(rows: Iterable[Row]) -> Iterator[list[Value]]:
    for row in rows:
        kind = str(row["kind"])
        if kind != "digest":
            names = [name for name in COLUMNS[kind] if name not in ONLY_BITS]
            yield [kind, *(_rounded(row[name]) for name in names)]


def _rounded(value: Value) -> Value:
    return round(value, 4) if isinstance(value, float) else value


def differences(was: Sequence[Sequence[Value]], rows: Iterable[Row]) -> Iterator[str]:
    """Say where rows are not those that were committed: floats nearly, all else exactly."""
    found = list(_lines(rows))
    for number, (old, new) in enumerate(zip(was, found, strict=False), 1):
        if len(old) != len(new) or not all(map(_alike, old, new)):
            yield f"line {number}: was {json.dumps(old)}, is {json.dumps(new)}"
    if len(was) != len(found):
        yield f"had {len(was)} lines, has {len(found)}"


def _alike(old: Value, new: Value) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, abs_tol=ABSOLUTE, rel_tol=RELATIVE)
    return type(old) is type(new) and old == new


def to_bits(records: Records) -> list[str]:
    """Every row of all records with the exact bits of its floats, a line each."""
    return [
        " ".join([record, str(row["kind"]), *(_exact(row, name) for name in row if name != "kind")])
        for record, rows in records.items()
        for row in rows
    ]


def _exact(row: Row, name: str) -> str:
    value = row[name]
    return f"{name}={value.hex() if isinstance(value, float) else json.dumps(value)}"


def bit_differences(was: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """Say where lines of bits differ."""
    for number, (old, new) in enumerate(zip(was, now, strict=False), 1):
        if old != new:
            yield f"line {number}:\n  was {old}\n  is  {new}"
    if len(was) != len(now):
        yield f"had {len(was):,} lines, has {len(now):,}"
