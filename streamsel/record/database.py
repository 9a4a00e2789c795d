"""Opens the record's SQLite database and refuses files that are none."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from streamsel.errors import RecordError
from streamsel.record.files import damaged, disk_errors
from streamsel.record.journal import choose_journal, open_database
from streamsel.record.migration import migrate, read_as_newest, require_known
from streamsel.record.tables import APPLICATION_ID


def connect_to_write(path: Path, *, strict: bool) -> sqlite3.Connection:
    """Open an existing record to continue it.

    ``strict``: each transaction is on disk when it returns; otherwise a power cut may undo the
    latest ones, each as a whole. Raises :class:`RecordError` for a foreign or damaged database.
    """
    connect = partial(_connect, path, "mode=rw")
    database = _open(connect, path)
    try:
        _check(database, path)
        with disk_errors(path):
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise damaged(path, damage.splitlines()[-1])
            database = choose_journal(database, connect, path)
            database.execute(f"PRAGMA synchronous = {'FULL' if strict else 'NORMAL'}")
            migrate(database, path)
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
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        mode = "mode=rw"  # only a writable connection deletes SQLite's own files when it closes
    elif path.with_name(f"{path.name}-wal").exists():
        mode = "mode=ro"
    else:
        mode = "mode=ro&immutable=1"
    database = _open(partial(_connect, path, mode), path)
    try:
        _check(database, path)
        _prepare_to_read(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _open(connect: Callable[[], sqlite3.Connection], path: Path) -> sqlite3.Connection:
    try:
        return open_database(connect)
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
        )
    except sqlite3.OperationalError as error:
        raise RecordError(f"{path}: cannot be opened: {error}") from error


def _prepare_to_read(database: sqlite3.Connection, path: Path) -> None:
    try:
        read_as_newest(database, path)
        database.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error


def _check(database: sqlite3.Connection, path: Path) -> None:
    try:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        if application != APPLICATION_ID:
            raise RecordError(f"{path}: a database of another program; choose another folder")
        require_known(database, path)
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
