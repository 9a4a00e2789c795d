"""Reads files of vectors row by row: CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamsel.embed.tables.layout import (
    DIGEST_KEY,
    NAME_KEY,
    Cells,
    Numbers,
    TableLayout,
    layout_of,
)
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import FrameKey

_ROWS_AT_ONCE = 1024
_TOLD = ("outcome", "reason", "embedder", "embedder_digest")


@dataclass(frozen=True, slots=True, eq=False)
class VectorRow:
    """One row of a file. ``number`` is its line or row in ``file``, counted from 1.

    ``numbers`` is None if the row has no vector; ``refusal`` is then the refusal reason, if any.
    ``embedder`` is the embedder's name and digest in the row, empty if there is none.
    """

    file: str
    number: int
    key: FrameKey
    numbers: Numbers | None
    refusal: str | None
    embedder: tuple[str, str]


def read_rows(path: Path) -> Iterator[VectorRow]:
    """Yield the rows of a file with bounded memory.

    Raises :class:`ConfigurationError` for an unknown suffix, :class:`EmbedderError` with file and
    row for unreadable content.
    """
    readers = {
        ".csv": _csv_rows,
        ".jsonl": _json_rows,
        ".ndjson": _json_rows,
        ".parquet": _parquet_rows,
    }
    if path.suffix.lower() not in readers:
        raise ConfigurationError(f"{path}: embeddings are read from {', '.join(readers)} files")
    try:
        yield from readers[path.suffix.lower()](path)
    except OSError as error:
        raise EmbedderError(f"{path}: cannot be read: {error.strerror or error}") from error


def _csv_rows(path: Path) -> Iterator[VectorRow]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        with _named(str(path)):
            layout = layout_of(lines.fieldnames or ())
        while True:
            with _named(f"{path}: line {lines.line_num + 1}"):
                if (cells := next(lines, None)) is None:
                    return
            yield _row(f"{path}: line", lines.line_num, layout, cells)


def _json_rows(path: Path) -> Iterator[VectorRow]:
    layout = None
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            with _named(f"{path}: line {number}"):
                cells = json.loads(line)
                if not isinstance(cells, dict):
                    raise ValueError("not an object")
                layout = layout or layout_of(list(cells))
            yield _row(f"{path}: line", number, layout, cells)


def _parquet_rows(path: Path) -> Iterator[VectorRow]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise EmbedderError(
            f'{path}: Parquet needs pyarrow: pip install "streamsel[parquet]"'
        ) from error
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            with _named(str(path)):
                layout = layout_of(schema.names)
            said = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
            claim = (said.get(NAME_KEY, ""), said.get(DIGEST_KEY, ""))
            others = [name for name in (*layout.key, *_TOLD) if name in schema.names]
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[*others, *layout.vector]):
                with _named(f"{path}: after row {number}"):
                    vectors = _vectors(batch, layout)
                for cells, numbers in zip(batch.select(others).to_pylist(), vectors, strict=True):
                    number += 1
                    yield _row(f"{path}: row", number, layout, cells, numbers, claim)
    except pyarrow.lib.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise EmbedderError(f"{path}: cannot be read as Parquet: {reason}") from error


def _vectors(batch: Any, layout: TableLayout) -> list[Numbers | None]:
    """Return the vectors of a Parquet batch without creating a Python object per number."""
    columns = [batch.column(name) for name in layout.vector]
    there = ~np.all([column.is_null().to_numpy(zero_copy_only=False) for column in columns], axis=0)
    if layout.listed:
        lists = columns[0].drop_null()
        if not hasattr(lists, "flatten") or not hasattr(lists, "value_lengths"):
            raise ValueError(f"column {layout.vector[0]} is {lists.type}, not lists of numbers")
        ends = np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))
        rows = np.split(_floats(lists.flatten()), ends[:-1])
    else:
        rows = list(np.stack([_floats(column) for column in columns], axis=1)[there])
    found = iter(rows)
    return [next(found) if is_there else None for is_there in there]


def _floats(column: Any) -> Numbers:
    numbers: Numbers = column.cast("float64").to_numpy(zero_copy_only=False)
    return numbers


def _row(
    file: str,
    number: int,
    layout: TableLayout,
    cells: Cells,
    numbers: Numbers | None = None,
    claim: tuple[str, str] = ("", ""),
) -> VectorRow:
    with _named(f"{file} {number}"):
        key = layout.key_of(cells)
    with _named(f"{file} {number}: frame {key}"):
        numbers = layout.numbers_of(cells) if numbers is None else numbers
    was_refused = numbers is None and cells.get("outcome") == "refused"
    name, digest = cells.get("embedder"), cells.get("embedder_digest")
    if isinstance(name, str) and isinstance(digest, str) and name and digest:
        claim = (name, digest)
    refusal = str(cells.get("reason")) if was_refused else None
    return VectorRow(file, number, key, numbers, refusal, claim)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Convert errors to :class:`EmbedderError` with ``place`` in front."""
    try:
        yield
    except (ValueError, csv.Error) as error:
        raise EmbedderError(f"{place}: {error}") from error
