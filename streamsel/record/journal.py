"""Chooses SQLite's journal mode: write-ahead log, or rollback journal where that fails.

A write-ahead log lets others read while a run writes, and needs an index of it in memory that
processes share. Network shares and some containers' disks cannot map one. There a rollback journal
does, and a reader waits for the moment in which a transaction is written.
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
    """Connect so that the database can be read, where its log cannot be mapped too.

    There it is read by whoever has it alone. Raises what ``connect`` does, and
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
    """Write ahead where the file system can map the index of the log, else roll back.

    ``database`` comes from :func:`open_database`; returns it, or another in its place, which
    ``connect`` opens. Raises ``sqlite3.DatabaseError``.
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
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # lets others in again
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)  # left by the attempt to map it
    return database


def _alone(connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Connect as the only one; the index of the log is in this process then."""
    database = connect()
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    return database


def _lacks_mapping(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in _NO_MAPPING
