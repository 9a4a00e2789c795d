"""Chooses SQLite's journal mode: write-ahead log, or rollback journal where that fails.

A write-ahead log allows reading while a run writes, but needs a shared-memory index. Network shares
and some container disks cannot map one. There a rollback journal is used, and readers wait while a
transaction is written.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

_LOG = logging.getLogger("streamsel.sinks")
_NO_MAPPING = {
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}


def open_database(connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Connect for reading, even if the shared-memory index cannot be mapped.

    In that case the connection has exclusive access. Raises the errors of ``connect`` and
    ``sqlite3.DatabaseError``.
    """
    database = connect()
    try:
        database.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        database.close()
        if _lacks_mapping(error):
            return _alone(connect)
        raise
    return database


def choose_journal(
    database: sqlite3.Connection, connect: Callable[[], sqlite3.Connection], path: Path
) -> sqlite3.Connection:
    """Use a write-ahead log if its index can be mapped, else a rollback journal.

    ``database`` comes from :func:`open_database`; returns it, or a replacement opened by
    ``connect``. Raises ``sqlite3.DatabaseError``.
    """
    try:
        if database.execute("PRAGMA locking_mode").fetchone()[0] == "normal":
            database.execute("PRAGMA journal_mode = WAL").fetchone()
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return database
    except sqlite3.OperationalError as error:
        if not _lacks_mapping(error):
            raise
    database.close()
    _LOG.info("%s: the file system cannot map memory; written with a rollback journal", path)
    database = _alone(connect)
    database.execute("PRAGMA journal_mode = DELETE").fetchone()
    database.execute("PRAGMA locking_mode = NORMAL")
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # releases the exclusive lock
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)  # left by the failed attempt
    return database


def _alone(connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Connect exclusively, with the index of the log in this process."""
    database = connect()
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    return database


def _lacks_mapping(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in _NO_MAPPING
