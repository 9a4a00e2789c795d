"""Quarantine of undeliverable messages: kept for inspection, bounded, oldest deleted first."""

from __future__ import annotations

import sqlite3

from streamsel.sinks.mqtt.payloads import Message

MOST_MESSAGES = 1_000
MOST_BYTES = 64 << 20


def set_aside(
    database: sqlite3.Connection, message: Message, reason: str, when: float, file: str | None
) -> list[str]:
    """Record a refused message, in a transaction of the caller.

    ``file`` is the name that its payload file will have. None: the payload is recorded in the row,
    unless it is too large. Returns the names of files to delete.
    """
    payload = message.payload if file is None and len(message.payload) <= MOST_BYTES else None
    database.execute(
        "INSERT INTO quarantine (reason, created, key, id, topic, bytes, file, payload) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            reason,
            when,
            message.key,
            message.id,
            message.topic,
            len(message.payload),
            file,
            payload,
        ),
    )
    return _trim(database)


def held(database: sqlite3.Connection) -> int:
    """Return the number of messages in quarantine."""
    return int(database.execute("SELECT count(*) FROM quarantine").fetchone()[0])


def _trim(database: sqlite3.Connection) -> list[str]:
    """Delete the oldest messages until the rest is within bounds; return their file names."""
    rows = database.execute(
        "SELECT number, file, iif(file IS NULL AND payload IS NULL, 0, bytes) "
        "FROM quarantine ORDER BY number DESC"
    ).fetchall()
    held_bytes, surplus = 0, []
    for place, (number, file, kept_bytes) in enumerate(rows):
        held_bytes += kept_bytes
        if place >= MOST_MESSAGES or held_bytes > MOST_BYTES:
            surplus.append((number, file))
    database.executemany("DELETE FROM quarantine WHERE number = ?", [(row[0],) for row in surplus])
    return [file for _, file in surplus if file is not None]
