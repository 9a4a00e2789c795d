"""The outbox's folder and database: creates, opens and repairs it.

    DIR/outbox.db      a small row for each waiting message, and for each in quarantine
    DIR/payloads/      large payloads, one file each
    DIR/quarantine/    payloads of messages in quarantine
    DIR/damaged/       the last outbox that could not be read

SQLite cannot delete a row in WAL mode if the disk has no room for the log. So payloads are files,
rows are small, and the log is kept short by overwriting it: delivered messages can be deleted even
on a full disk.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from streamsel.errors import DiskFullError, RecordError, SinkError
from streamsel.record.files import disk_errors, free_bytes, make_folder
from streamsel.record.journal import choose_journal, open_database

LOG = logging.getLogger("streamsel.mqtt")

DATABASE = "outbox.db"
PAYLOADS = "payloads"
QUARANTINE = "quarantine"
DAMAGED = "damaged"

_APPLICATION_ID = 0x7374_6F62
_SCHEMA_VERSION = 1
_LOG_PAGES = 64

_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE messages (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which they are sent
    key          TEXT NOT NULL UNIQUE,
    id           TEXT NOT NULL,
    topic        TEXT NOT NULL,
    content_type TEXT NOT NULL,
    created      REAL NOT NULL,                      -- UTC epoch seconds
    bytes        INTEGER NOT NULL,
    crc          INTEGER NOT NULL,
    payload      BLOB                                -- NULL: in the file payloads/<seq>
) STRICT;
CREATE TABLE quarantine (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    reason  TEXT NOT NULL,
    created REAL NOT NULL,                           -- UTC epoch seconds
    key     TEXT NOT NULL,
    id      TEXT NOT NULL,
    topic   TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    file    TEXT,                                    -- quarantine/<file>; NULL: none, or
    payload BLOB                                     -- here; both NULL: not kept
) STRICT;
CREATE TABLE announced (                             -- feeds that the broker has topics of
    feed TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
PRAGMA application_id = {application};
PRAGMA user_version = {version};
COMMIT;
"""


@contextlib.contextmanager
def outbox_errors(folder: Path) -> Iterator[None]:
    """Convert errors of the outbox to a :class:`SinkError` that says what to do."""
    try:
        with disk_errors(folder / DATABASE):
            yield
    except DiskFullError as error:
        raise DiskFullError(
            f"{folder}: the disk is full ({free_bytes(folder):,} bytes free); nothing more is "
            "taken for the broker until there is room"
        ) from error
    except RecordError as error:
        raise SinkError(
            f"{folder}: the outbox is damaged; start the service again to set it aside"
        ) from error


def connect(folder: Path, *, durable: bool) -> sqlite3.Connection:
    """Open the outbox; create it if missing. One thread at a time.

    ``durable``: a transaction is on disk when it returns. Raises ``sqlite3.DatabaseError``.
    """
    opened = partial(
        sqlite3.connect,
        folder / DATABASE,
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
    )
    database = open_database(opened)
    try:
        database = choose_journal(database, opened, folder / DATABASE)
        database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    except BaseException:
        database.close()
        raise
    return database


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Change the outbox atomically; roll back on an error."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def open_to_fill(folder: Path, *, durable: bool) -> sqlite3.Connection:
    """Open the outbox for inserting; move a damaged one aside with a warning.

    The caller holds the folder's lock. Raises :class:`SinkError`, also for an outbox of a newer
    version.
    """
    with outbox_errors(folder):
        for name in (PAYLOADS, QUARANTINE):
            make_folder(folder / name)
        try:
            return _connect_checked(folder, durable=durable)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _set_aside(folder, error)
        return _connect_checked(folder, durable=durable)


def _connect_checked(folder: Path, *, durable: bool) -> sqlite3.Connection:
    database = connect(folder, durable=durable)
    try:
        application, version = (
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if (application, version) == (0, 0):
            database.executescript(
                _TABLES.format(application=_APPLICATION_ID, version=_SCHEMA_VERSION)
            )
        elif application != _APPLICATION_ID:
            raise sqlite3.DatabaseError("a database of another program")
        elif version > _SCHEMA_VERSION:
            raise SinkError(
                f"{folder}: written by a newer streamsel (schema {version}, this one knows "
                f"{_SCHEMA_VERSION}); upgrade streamsel, or choose another folder"
            )
        damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage.splitlines()[-1])
    except BaseException:
        database.close()
        raise
    return database


def _set_aside(folder: Path, why: Exception) -> None:
    """Move a damaged outbox aside, replacing an earlier one."""
    aside = folder / DAMAGED
    if aside.exists():
        shutil.rmtree(aside)
    waiting = sum(1 for _ in (folder / PAYLOADS).iterdir())
    make_folder(aside)
    for name in (f"{DATABASE}-shm", f"{DATABASE}-wal", PAYLOADS, DATABASE):
        if (folder / name).exists():
            (folder / name).rename(aside / name)
    make_folder(folder / PAYLOADS)
    LOG.warning(
        "%s: the outbox is damaged (%s); moved to %s with %d waiting pictures, and replaced by a "
        "new one. Its messages are not sent; pictures on disk are unchanged",
        folder,
        why,
        aside,
        waiting,
    )
