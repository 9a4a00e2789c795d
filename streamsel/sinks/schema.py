"""The record's tables, and how the database is opened.

One database holds one run. A frame's row is about 100 bytes, its embedding is a row of its own, so
that frames can be listed without reading vectors. A frame is named by feed and index wherever it
may be named before its own row is written.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from streamsel.errors import RecordError
from streamsel.sinks.files import damaged, disk_errors

APPLICATION_ID = 0x7374_7273
SCHEMA_VERSION = 2

TABLES = """
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY,
    version         TEXT NOT NULL,              -- of the package that began it
    config          TEXT NOT NULL,              -- JSON: everything that was asked for
    identity        TEXT NOT NULL,              -- JSON: what of it decides the result
    embedder        TEXT NOT NULL,
    embedder_digest TEXT NOT NULL,
    method          TEXT NOT NULL,
    count           INTEGER,
    seed            INTEGER NOT NULL,
    status          TEXT NOT NULL               -- a crashed run stays 'running'
        CHECK (status IN ('running', 'complete', 'interrupted', 'failed')),
    started         REAL NOT NULL,              -- UTC epoch seconds
    finished        REAL
) STRICT;

CREATE TABLE feeds (
    id           INTEGER PRIMARY KEY,           -- the order in which they are read
    name         TEXT NOT NULL UNIQUE,
    source       TEXT NOT NULL,                 -- credentials masked
    frames       INTEGER,                       -- how many it had, once it has ended
    error        TEXT,
    warnings     TEXT NOT NULL DEFAULT '[]',    -- JSON
    reference    BLOB,                          -- from here on: what the screen remembers
    previous     BLOB,
    rows_digest  INTEGER NOT NULL DEFAULT 0,
    still_since  REAL NOT NULL DEFAULT 0,
    passed       INTEGER NOT NULL DEFAULT 0,
    reserved     INTEGER NOT NULL DEFAULT 0,    -- live: numbers below may have been given
    last_media   REAL,                          -- live: times of the newest recorded frame
    last_wall    REAL,
    status       TEXT                           -- live: how it is, JSON
) STRICT;

CREATE TABLE frames (
    seq           INTEGER PRIMARY KEY,          -- stream order, over all feeds
    feed          INTEGER NOT NULL REFERENCES feeds,
    idx           INTEGER NOT NULL,
    pts           INTEGER,
    time_base_num INTEGER NOT NULL,
    time_base_den INTEGER NOT NULL,
    media_time    REAL NOT NULL,
    wall_time     REAL,
    width         INTEGER NOT NULL,
    height        INTEGER NOT NULL,
    corrupt       INTEGER NOT NULL,
    outcome       TEXT NOT NULL CHECK (outcome IN ('kept', 'covered', 'refused')),
    reason        TEXT NOT NULL,
    distance      REAL,
    nearest_feed  INTEGER REFERENCES feeds,
    nearest_idx   INTEGER,
    threshold     REAL,
    sharpness     REAL NOT NULL,
    digest        INTEGER NOT NULL,             -- 64 bits, signed
    UNIQUE (feed, idx)
) STRICT;

CREATE TABLE embeddings (
    frame  INTEGER PRIMARY KEY REFERENCES frames,
    vector BLOB NOT NULL                        -- float32, little-endian
) STRICT;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY,             -- the order in which they happened
    cause      INTEGER REFERENCES frames,       -- NULL: no frame's verdict, or one forgotten
    kind       TEXT NOT NULL CHECK (kind IN ('kept', 'evicted')),
    feed       INTEGER NOT NULL REFERENCES feeds,
    idx        INTEGER NOT NULL,
    other_feed INTEGER REFERENCES feeds,        -- the nearest kept frame, or who stands in
    other_idx  INTEGER,
    distance   REAL,
    threshold  REAL,
    reason     TEXT NOT NULL
) STRICT;

CREATE TABLE kept (                             -- every frame that was ever kept
    feed   INTEGER NOT NULL REFERENCES feeds,
    idx    INTEGER NOT NULL,
    event  INTEGER NOT NULL REFERENCES events,  -- the last that kept it
    live   INTEGER NOT NULL,
    path   TEXT,                                -- NULL: no whole file is claimed
    width  INTEGER,
    height INTEGER,
    bytes  INTEGER,
    sha256 BLOB,
    scope  TEXT,                                -- live: whose selector it belongs to
    pinned INTEGER NOT NULL DEFAULT 0,
    gone   INTEGER,                             -- live: frames.seq had come so far when it went
    PRIMARY KEY (feed, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE statistics (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL                         -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE selections (                       -- live: what each selector needs to continue
    scope TEXT PRIMARY KEY,
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

INDEXES = """
CREATE INDEX events_by_frame ON events (feed, idx);
CREATE INDEX events_by_cause ON events (cause) WHERE cause IS NOT NULL;
CREATE INDEX kept_by_event ON kept (event);
CREATE INDEX kept_by_path ON kept (path) WHERE live;
CREATE INDEX kept_by_going ON kept (gone) WHERE NOT live;
"""
"""Without those of events, each row that goes would make SQLite look through all of them."""

_FROM_VERSION_1 = """
ALTER TABLE feeds ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN last_media REAL;
ALTER TABLE feeds ADD COLUMN last_wall REAL;
ALTER TABLE feeds ADD COLUMN status TEXT;
ALTER TABLE kept ADD COLUMN scope TEXT;
ALTER TABLE kept ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE kept ADD COLUMN gone INTEGER;
CREATE TABLE selections (scope TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
"""Version 1 knew whole files alone; of them, all that is new stays empty."""


def connect_to_write(path: Path, *, strict: bool) -> sqlite3.Connection:
    """Open an existing record to continue it.

    ``strict``: each transaction is on the disk when it returns; otherwise a power cut may undo the
    latest ones, whole. Raises :class:`RecordError` for what is not ours or damaged.
    """
    database = _connect(path, "mode=rw")
    try:
        _check(database, path)
        with disk_errors(path):
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise damaged(path, damage.splitlines()[-1])
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"PRAGMA synchronous = {'FULL' if strict else 'NORMAL'}")
            if database.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
                database.executescript(
                    f"BEGIN; {_FROM_VERSION_1} {INDEXES} "
                    f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
                )
            database.execute("PRAGMA foreign_keys = ON")
            database.execute(f"PRAGMA journal_size_limit = {8 << 20}")
    except BaseException:
        database.close()
        raise
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a record to read it, also while a run writes it, also on a read-only disk.

    Raises :class:`RecordError` when there is none, or none of ours.
    """
    if not path.is_file():
        raise RecordError(f"{path.parent}: holds no run ({path.name} is missing)")
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        mode = "mode=rw"  # only such a connection tidies up SQLite's own files behind it
    elif path.with_name(f"{path.name}-wal").exists():
        mode = "mode=ro"
    else:
        mode = "mode=ro&immutable=1"
    database = _connect(path, mode)
    try:
        _check(database, path)
        database.execute("PRAGMA query_only = ON")
    except BaseException:
        database.close()
        raise
    return database


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


def _check(database: sqlite3.Connection, path: Path) -> None:
    try:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
    if application != APPLICATION_ID:
        raise RecordError(f"{path}: a database of another program; choose another folder")
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"{path}: written by a newer streamsel (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade streamsel to read it"
        )
