"""CSV export: one line per frame, one column per embedding component (``e0``, ``e1``, ...)."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from streamsel.export.formats import Format
from streamsel.export.rows import Export, Value
from streamsel.export.text import numbers_format


def _write(export: Export, out: BinaryIO) -> int:
    count = 0
    dim = export.dim or 0
    numbers = numbers_format(dim)
    blank = "," * (dim - 1)
    out.write(_line([*export.columns, *(f"e{number}" for number in range(dim))]).encode())
    for row in export.rows:
        line = _line([row.fields[name] for name in export.columns])
        if dim:
            vector = row.embedding
            listed = blank if vector is None else numbers % tuple(vector.tolist())
            line = f"{line[:-1]},{listed}\n"
        out.write(line.encode())
        count += 1
    return count


def _line(values: list[Value]) -> str:
    """Return a line of CSV; None is empty, booleans are words."""
    text = io.StringIO()
    words = {True: "true", False: "false"}
    cells = [words[value] if isinstance(value, bool) else value for value in values]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


FORMAT = Format(_write)
