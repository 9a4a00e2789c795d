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
from streamsel.record.database import open_beside, open_to_write
from streamsel.record.files import disk_errors, free_bytes, make_folder
from streamsel.record.schema import Schema

LOG = logging.getLogger("streamsel.mqtt")

DATABASE = "outbox.db"
PAYLOADS = "payloads"
QUARANTINE = "quarantine"
DAMAGED = "damaged"

_LOG_PAGES = 64

_TABLES = """
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
"""

OUTBOX = Schema(
    application_id=0x7374_6F62,
    tables=_TABLES,
    indexes=(),
    steps=(),
    error=SinkError,
    advice="it was changed by another program; move the folder aside, or choose another",
)
"""The newest outbox; a step is added as ``streamsel.record.migrations`` says."""


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
    """Open an outbox that is open to be filled. One thread at a time.

    ``durable``: a transaction is on disk when it returns. Raises ``sqlite3.DatabaseError``.
    """
    return _with_short_log(open_beside(folder / DATABASE, durable=durable))


def open_to_fill(folder: Path, *, durable: bool) -> sqlite3.Connection:
    """Open the outbox for inserting; create it if missing, move a damaged one aside with a warning.

    The caller holds the folder's lock. Raises :class:`SinkError`, also for an outbox of a newer
    version, which stays as it is.
    """
    with outbox_errors(folder):
        try:
            return _connect_checked(folder, durable=durable)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _set_aside(folder, error)
        return _connect_checked(folder, durable=durable)


def _connect_checked(folder: Path, *, durable: bool) -> sqlite3.Connection:
    path = folder / DATABASE
    database = open_to_write(path, partial(_check, path), durable=durable, create=True)
    try:
        for name in (PAYLOADS, QUARANTINE):
            make_folder(folder / name)
        if _is_empty(database):
            OUTBOX.create(database)
            database.execute("COMMIT")
        OUTBOX.migrate(database, path)
    except BaseException:
        database.close()
        raise
    return _with_short_log(database)


def _check(path: Path, database: sqlite3.Connection) -> None:
    if _is_empty(database):
        return
    if database.execute("PRAGMA application_id").fetchone()[0] != OUTBOX.application_id:
        raise sqlite3.DatabaseError("a database of another program")
    OUTBOX.require_known(database, path)


def _is_empty(database: sqlite3.Connection) -> bool:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(application == tables == 0)


def _with_short_log(database: sqlite3.Connection) -> sqlite3.Connection:
    database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    return database


def _set_aside(folder: Path, why: Exception) -> None:
    """Move a damaged outbox aside, replacing an earlier one."""
    aside = folder / DAMAGED
    if aside.exists():
        shutil.rmtree(aside)
    make_folder(folder / PAYLOADS)
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
