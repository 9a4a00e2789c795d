"""The one module that opens SQLite: the record, the outbox, their readers and their copies."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from streamsel.record.journal import choose_journal, open_database

Check: TypeAlias = Callable[[sqlite3.Connection], None]
"""Raises for a database that must not be used; only reads it."""


def create(path: Path) -> sqlite3.Connection:
    """Create a database in a file that does not exist yet."""
    return _connect(path, "mode=rwc")


def open_to_write(
    path: Path, check: Check, *, durable: bool, create: bool = False
) -> sqlite3.Connection:
    """Open a database to write it, readable for others meanwhile.

    ``check`` sees it before anything in its folder changes. ``durable``: each transaction is on
    disk when it returns; otherwise a power cut may undo the latest ones, each as a whole.
    ``create``: an absent one is created, empty. Raises what ``check`` raises, and
    ``sqlite3.DatabaseError``, also for damage. Cost: reads all of it once, to find damage.
    """
    look_at(path, check)
    connect = partial(_connect, path, "mode=rwc" if create else "mode=rw")
    database = open_database(connect)
    try:
        check(database)
        damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage.splitlines()[-1])
    except BaseException:
        database.close()
        raise
    return _with_journal(database, connect, path, durable=durable)


def open_beside(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Open a database to write it that this process has open already; see :func:`open_to_write`."""
    connect = partial(_connect, path, "mode=rw")
    return _with_journal(open_database(connect), connect, path, durable=durable)


def open_to_read(path: Path, check: Check) -> sqlite3.Connection:
    """Open a database to read it, also while it is written and on a read-only disk.

    ``check`` sees it before anything in its folder changes. Raises what ``check`` raises, and
    ``sqlite3.DatabaseError``.
    """
    look_at(path, check)
    # Only a writable connection deletes SQLite's own files when it closes.
    is_writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    database = open_database(
        partial(_connect, path, "mode=rw" if is_writable else _untouching_mode(path))
    )
    try:
        check(database)
    except BaseException:
        database.close()
        raise
    return database


def copy_into(database: sqlite3.Connection, path: Path) -> None:
    """Copy a database, as its connection sees it now, to a new file; others may write meanwhile.

    The copy is on disk when this returns. Raises ``sqlite3.DatabaseError``.
    """
    with closing(create(path)) as copy:
        database.backup(copy)


def has_log(path: Path) -> bool:
    """Whether transactions of a database may be in SQLite's log alone."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def in_memory() -> sqlite3.Connection:
    """Create an empty database in memory."""
    return sqlite3.connect(":memory:", isolation_level=None)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Change a database atomically; roll back on an error."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def look_at(path: Path, check: Check) -> None:
    """Let ``check`` see a database while nothing in its folder changes.

    SQLite's log is not folded into it, as closing does otherwise. Where it cannot be seen so, an
    opening that follows says why. Raises what ``check`` raises.
    """
    with suppress(sqlite3.OperationalError), closing(_connect(path, _untouching_mode(path))) as one:
        check(one)


def _untouching_mode(path: Path) -> str:
    # Without a log SQLite need not create files for it, but would.
    has_log = path.with_name(f"{path.name}-wal").exists()
    return "mode=ro" if has_log else "mode=ro&immutable=1"


def _with_journal(
    database: sqlite3.Connection,
    connect: Callable[[], sqlite3.Connection],
    path: Path,
    *,
    durable: bool,
) -> sqlite3.Connection:
    try:
        database = choose_journal(database, connect, path)
        database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    except BaseException:
        database.close()
        raise
    return database


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
    )
