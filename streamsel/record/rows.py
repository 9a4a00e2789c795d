"""Queries the tables of an open record, with feeds by name and errors of the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from streamsel.errors import RecordError
from streamsel.frame import FrameKey
from streamsel.record.files import damaged, disk_errors, is_passing
from streamsel.record.opening import DATABASE


class Rows:
    """The tables of one record, read by one connection. One thread at a time.

    Every method raises :class:`RecordError` if the database is damaged.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Read from an open database in a run's folder."""
        self.folder = folder
        self.path = folder / DATABASE
        self.database = database
        self._names: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self.learn_feeds()

    def learn_feeds(self) -> None:
        """Read the names of the feeds, after some were added."""
        self._names = {int(row[0]): str(row[1]) for row in self.all("SELECT id, name FROM feeds")}
        self._ids = {name: number for number, name in self._names.items()}

    def all(self, sql: str, *values: object) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query."""
        try:
            yield from self.database.execute(sql, values)
        except sqlite3.DatabaseError as error:
            # A disk error may pass; only wrong content counts as damage.
            if isinstance(error, sqlite3.OperationalError) and is_passing(error):
                with disk_errors(self.path):
                    raise
            raise damaged(self.path, error) from error

    def one(self, sql: str, *values: object) -> Sequence[Any]:
        """Return the first row of a query that always has one."""
        for row in self.all(sql, *values):
            return row
        raise damaged(self.path, "a row is missing")

    def feed_id(self, feed: str) -> int:
        """Return the number of a feed. Raises :class:`RecordError` if it is not recorded."""
        number = self._ids.get(feed)
        if number is None:
            known = ", ".join(self._names.values())
            raise RecordError(f"{self.folder}: no feed {feed!r} in this run; it has {known}")
        return number

    def name(self, feed: int) -> str:
        """Return the name of a feed by its number."""
        return self._names[feed]

    def key(self, feed: int, index: int) -> FrameKey:
        """Return the key of a frame in a row."""
        return FrameKey(self._names[feed], index)

    def optional_key(self, feed: int | None, index: int | None) -> FrameKey | None:
        """Return the key of a frame in a row, or None."""
        return None if feed is None or index is None else self.key(feed, index)

    def key_row(self, key: FrameKey | None) -> tuple[int | None, int | None]:
        """Return the two columns of a key; None gives two NULLs."""
        return (None, None) if key is None else (self.feed_id(key.feed), key.index)
