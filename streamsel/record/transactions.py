"""Changes an open record in transactions, only while its folder is the one that was opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from streamsel.record.anchor import Anchor
from streamsel.record.database import transaction
from streamsel.record.files import disk_errors
from streamsel.record.rows import Rows


class Transactions:
    """The transactions of one record. One thread at a time."""

    def __init__(self, rows: Rows) -> None:
        """Change the record that ``rows`` reads. Raises ``OSError``."""
        self._database = rows.database
        self._path = rows.path
        self._anchor = Anchor(rows.folder)

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """Change the record atomically; on an error nothing has changed.

        Raises :class:`DiskFullError`, :class:`DiskGoneError` and :class:`SinkError`.
        """
        # SQLite writes to its open file, wherever the folder's path leads by now. Pictures are
        # written by path, so both must be in the same folder before pictures are claimed.
        with disk_errors(self._path), transaction(self._database) as database:
            yield database
            self._anchor.require()

    def fold(self) -> None:
        """Checkpoint SQLite's log into the database and release its space."""
        with disk_errors(self._path):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the database; further calls do nothing."""
        self._anchor.close(self._database)
