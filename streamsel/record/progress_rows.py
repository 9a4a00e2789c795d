"""Records what every run tells of itself: its status and statistics."""

from __future__ import annotations

import json

from streamsel.record.transactions import Transactions
from streamsel.record.values import Status


class ProgressRows:
    """The tables ``runs`` and ``statistics`` of an open record.

    Every method is a transaction, and raises as :meth:`Transactions.begin` does.
    """

    def __init__(self, transactions: Transactions) -> None:
        """Write in these transactions."""
        self._transactions = transactions

    def set_status(self, status: Status, finished: float | None) -> None:
        """Record the progress of the run. ``finished`` is UTC epoch seconds, None while it runs."""
        with self._transactions.begin() as database:
            database.execute("UPDATE runs SET status = ?, finished = ?", (status, finished))

    def set_statistics(self, values: dict[str, object]) -> None:
        """Record statistics by name, as JSON values, replacing earlier ones."""
        with self._transactions.begin() as database:
            database.executemany(
                "INSERT OR REPLACE INTO statistics VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )
