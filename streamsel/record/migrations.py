"""The versions of the record, in order: one step from each to the next.

To add a column: put it at the end of its table in ``streamsel.record.tables``, append a step here
that adds it, and describe it in ``docs/reference/record.md``.
"""

from __future__ import annotations

import sqlite3

from streamsel.errors import RecordError
from streamsel.record.schema import Schema, add_column
from streamsel.record.tables import APPLICATION_ID, INDEXES, TABLES


def _add_services(database: sqlite3.Connection) -> None:
    """Version 2: the folder of a service; version 1 had only file runs."""
    add_column(database, "feeds", "reserved", "INTEGER NOT NULL DEFAULT 0")
    add_column(database, "feeds", "last_media", "REAL")
    add_column(database, "feeds", "last_wall", "REAL")
    add_column(database, "feeds", "status", "TEXT")
    add_column(database, "kept", "scope", "TEXT")
    add_column(database, "kept", "pinned", "INTEGER NOT NULL DEFAULT 0")
    add_column(database, "kept", "gone", "INTEGER")
    database.execute(
        "CREATE TABLE IF NOT EXISTS selections (scope TEXT PRIMARY KEY, state BLOB NOT NULL) "
        "STRICT, WITHOUT ROWID"
    )
    _allow_null_causes(database)


def _allow_null_causes(database: sqlite3.Connection) -> None:
    """Make the table ``events`` anew, as SQLite cannot change a column; its indexes come last."""
    columns = database.execute("PRAGMA table_info(events)").fetchall()
    if not any(name == "cause" and required for _, name, _, required, _, _ in columns):
        return
    database.execute(
        "CREATE TABLE new_events (id INTEGER PRIMARY KEY, cause INTEGER REFERENCES frames, "
        "kind TEXT NOT NULL CHECK (kind IN ('kept', 'evicted')), "
        "feed INTEGER NOT NULL REFERENCES feeds, idx INTEGER NOT NULL, "
        "other_feed INTEGER REFERENCES feeds, other_idx INTEGER, distance REAL, threshold REAL, "
        "reason TEXT NOT NULL) STRICT"
    )
    database.execute("INSERT INTO new_events SELECT * FROM events")
    database.execute("DROP TABLE events")
    database.execute("ALTER TABLE new_events RENAME TO events")


def _add_appended_inputs(database: sqlite3.Connection) -> None:
    """Version 3: appended inputs, display names of feeds, recording times of files."""
    add_column(database, "runs", "settled", "INTEGER")
    add_column(database, "feeds", "display_name", "TEXT")
    add_column(database, "frames", "recorded", "REAL")
    add_column(database, "frames", "original", "TEXT")


def _add_scenes(database: sqlite3.Connection) -> None:
    """Version 4: what changes in front of a camera, and the colours that the prefilter compares."""
    add_column(database, "feeds", "scene", "BLOB")
    add_column(database, "frames", "change_share", "REAL")
    add_column(database, "frames", "fixed", "INTEGER")
    add_column(database, "feeds", "reference_chroma", "BLOB")


RECORD = Schema(
    application_id=APPLICATION_ID,
    tables=TABLES,
    indexes=INDEXES,
    steps=(_add_services, _add_appended_inputs, _add_scenes),
    error=RecordError,
    advice=(
        "it was changed by another program. Choose another folder, or move this one aside with "
        "--overwrite"
    ),
)
"""The newest record; never change a step that was released."""
