"""JSON lines export: one object per frame, the embedding as a list."""

from __future__ import annotations

from typing import BinaryIO

from streamsel.export.formats import Format
from streamsel.export.rows import Export
from streamsel.export.text import numbers_format
from streamsel.json_text import json_text


def _write(export: Export, out: BinaryIO) -> int:
    count = 0
    numbers = numbers_format(export.dim or 0)
    for row in export.rows:
        fields = {name: row.fields[name] for name in export.columns}
        line = json_text(fields)
        if export.dim is not None:
            vector = row.embedding
            listed = "null" if vector is None else f"[{numbers % tuple(vector.tolist())}]"
            line = f'{line[:-1]}, "embedding": {listed}}}'
        out.write(f"{line}\n".encode())
        count += 1
    return count


FORMAT = Format(_write)
