"""Undoes the decisions made at the end of a run, so that more inputs can be appended."""

from __future__ import annotations

import sqlite3


def losing(database: sqlite3.Connection, settled: int) -> list[tuple[int, int]]:
    """Return feed and index of the frames with a file that :func:`rewind` would no longer keep.

    ``settled`` is the last ``frames.seq`` with a valid verdict.
    """
    rows = database.execute(
        "SELECT feed, idx FROM kept WHERE path IS NOT NULL AND NOT ifnull((SELECT kind = 'kept' "
        "FROM events WHERE events.feed = kept.feed AND events.idx = kept.idx AND cause <= ? "
        "ORDER BY id DESC LIMIT 1), 0)",
        (settled,),
    )
    return [(feed, index) for feed, index in rows]


def rewind(database: sqlite3.Connection, settled: int) -> None:
    """Restore events and kept frames to their state when ``settled`` was the last decided frame.

    Later frames keep their rows and get a new verdict. The frames of :func:`losing` must have been
    unclaimed before. Call within a transaction.
    """
    last = (
        "(SELECT {what} FROM events WHERE events.feed = kept.feed AND events.idx = kept.idx "
        "AND cause <= :settled {condition} ORDER BY id DESC LIMIT 1)"
    )
    kept_by = last.format(what="id", condition="AND kind = 'kept'")
    is_live = last.format(what="kind = 'kept'", condition="")
    for statement in (
        f"DELETE FROM kept WHERE {kept_by} IS NULL",
        f"UPDATE kept SET event = {kept_by}, live = {is_live}",
        "DELETE FROM events WHERE cause > :settled",
        "UPDATE runs SET settled = CASE WHEN (SELECT max(seq) FROM frames) > :settled "
        "THEN :settled END",
    ):
        database.execute(statement, {"settled": settled})
