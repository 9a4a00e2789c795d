"""Exports the record of a run to a file, atomically."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from streamsel.errors import ConfigurationError
from streamsel.export.formats import Format
from streamsel.export.rows import What, export_of
from streamsel.record.files import disk_errors, sync_path, temporary
from streamsel.record.reader import Record


def export_run(folder: Path, form: Format, out: BinaryIO, *, what: What, embeddings: bool) -> int:
    """Write what a run recorded, also while it goes on; return how many frames.

    Raises :class:`RecordError` when the folder holds no run, ``OSError`` where ``out`` fails.
    """
    with Record.open(folder) as record:
        export = export_of(record, what, embeddings=embeddings)
        with closing(export.rows):
            return form.write(export, out)


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file to write that has its name once all of it is on the disk, or never.

    Raises :class:`ConfigurationError` for one that is there already, and for what is no file;
    :class:`SinkError` where it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path}: is not a file; name one, or - for standard output")
    if path.exists() and not overwrite:
        raise ConfigurationError(f"{path}: exists already; replace it with --overwrite")
    part = temporary(path)
    with disk_errors(path):
        try:
            with open(part, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            sync_path(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
