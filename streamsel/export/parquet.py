"""Parquet export: typed columns, the embedding as fixed-length float32 list. Needs pyarrow."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from streamsel.embed.tables.layout import DIGEST_KEY, LIST_COLUMN, NAME_KEY
from streamsel.errors import ConfigurationError
from streamsel.export.formats import Format
from streamsel.export.rows import Export, ExportRow

_GROUP_ROWS = 4096


def _check() -> None:
    if find_spec("pyarrow") is None:
        raise ConfigurationError('Parquet needs pyarrow: pip install "streamsel[parquet]"')


def _write(export: Export, out: BinaryIO) -> int:
    import pyarrow.parquet

    schema = _schema(export)
    count = 0
    with pyarrow.parquet.ParquetWriter(out, schema) as writer:
        while rows := list(islice(export.rows, _GROUP_ROWS)):
            columns = [
                pyarrow.array([row.fields[name] for row in rows], schema.field(name).type)
                for name in export.columns
            ]
            if export.dim is not None:
                columns.append(_embeddings(rows, export.dim))
            writer.write_batch(pyarrow.record_batch(columns, schema))
            count += len(rows)
    return count


def _schema(export: Export) -> Any:
    import pyarrow

    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    fields = [pyarrow.field(name, types[kind]) for name, kind in export.columns.items()]
    if export.dim is not None:
        fields.append(pyarrow.field(LIST_COLUMN, _list_type(export.dim)))
    embedder = {NAME_KEY: export.embedder, DIGEST_KEY: export.embedder_digest}
    return pyarrow.schema(fields, metadata=embedder)


def _list_type(dim: int) -> Any:
    """Return the type of an embedding; of variable length if there is none."""
    import pyarrow

    return pyarrow.list_(pyarrow.float32(), dim or -1)


def _embeddings(rows: list[ExportRow], dim: int) -> Any:
    """Return the column of embeddings, without a Python object per number."""
    import pyarrow

    if not dim:
        return pyarrow.nulls(len(rows), _list_type(dim))
    flat = np.zeros((len(rows), dim), np.float32)  # (N, D)
    for number, row in enumerate(rows):
        if row.embedding is not None:
            flat[number] = row.embedding
    missing = pyarrow.array([row.embedding is None for row in rows])
    return pyarrow.FixedSizeListArray.from_arrays(
        flat.reshape(-1), type=_list_type(dim), mask=missing
    )


FORMAT = Format(_write, streams=False, check=_check)
