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
    """Export the record of a run, also during the run; return the number of frames.

    Raises :class:`RecordError` if the folder holds no run, ``OSError`` if writing fails.
    """
    with Record.open(folder) as record:
        export = export_of(record, what, embeddings=embeddings)
        with closing(export.rows):
            return form.write(export, out)


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name once it is complete on disk, or never.

    Raises :class:`ConfigurationError` if it exists already or is not a file; :class:`SinkError` if
    it cannot be written.
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
