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
        fields.append(pyarrow.field(LIST_COLUMN, pyarrow.list_(pyarrow.float32())))
    embedder = {NAME_KEY: export.embedder, DIGEST_KEY: export.embedder_digest}
    return pyarrow.schema(fields, metadata=embedder)


def _embeddings(rows: list[ExportRow], dim: int) -> Any:
    """Return the column of embeddings, without a Python object per number.

    Lists of variable length, although all have ``dim`` numbers: before pyarrow 26, lists of fixed
    length could be neither written nor read where one is missing.
    """
    import pyarrow

    missing = np.array([row.embedding is None for row in rows], bool)
    flat = [row.embedding for row in rows if row.embedding is not None]
    ends = np.cumsum(np.where(missing, 0, dim), dtype=np.int32)
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(np.append(np.int32(0), ends)),
        pyarrow.array(np.concatenate(flat) if flat else np.empty(0, np.float32), pyarrow.float32()),
        mask=pyarrow.array(missing),
    )


FORMAT = Format(_write, streams=False, check=_check)
