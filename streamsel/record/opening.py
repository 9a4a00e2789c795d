"""Opens the record of a run: refuses what is none, and migrates an old one that is continued."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from streamsel.errors import RecordError
from streamsel.record.database import look_at, open_to_read, open_to_write
from streamsel.record.files import damaged, disk_errors
from streamsel.record.migrations import RECORD

DATABASE = "streamsel.db"


def connect_to_write(path: Path, *, strict: bool) -> sqlite3.Connection:
    """Open an existing record to continue it.

    ``strict``: each transaction is on disk when it returns; otherwise a power cut may undo the
    latest ones, each as a whole. Raises :class:`RecordError` for a foreign or damaged database,
    :class:`SinkError` if it cannot be written.
    """
    with disk_errors(path):
        database = open_to_write(path, partial(_check, path), durable=strict)
        try:
            RECORD.migrate(database, path)
            database.execute("PRAGMA foreign_keys = ON")
            database.execute(f"PRAGMA journal_size_limit = {8 << 20}")
        except BaseException:
            database.close()
            raise
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a record for reading, also during a run and on a read-only disk.

    Raises :class:`RecordError` if there is none, or it is not one of ours.
    """
    if not path.is_file():
        raise RecordError(f"{path.parent}: holds no run ({path.name} is missing)")
    with _reading_errors(path):
        database = open_to_read(path, partial(_check, path))
        try:
            RECORD.read_as_newest(database, path)
            database.execute("PRAGMA query_only = ON")
        except BaseException:
            database.close()
            raise
    return database


def require_ours(path: Path) -> None:
    """Raise :class:`RecordError` for a record of a newer version, or of another program.

    Nothing is written, so this comes before all that prepares a folder.
    """
    with _reading_errors(path):
        look_at(path, partial(_check, path))


def _check(path: Path, database: sqlite3.Connection) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    if application != RECORD.application_id:
        raise RecordError(f"{path}: a database of another program; choose another folder")
    RECORD.require_known(database, path)


@contextmanager
def _reading_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN:
            raise RecordError(f"{path}: cannot be opened: {error}") from error
        raise damaged(path, error) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
