"""Deletes from an open record what a service need not remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamsel.frame import FrameKey
from streamsel.record.rows import Rows
from streamsel.record.transactions import Transactions

_AT_ONCE = 20_000


class Expiry:
    """Deletes the rows of frames that are not kept. Errors are those of :class:`Transactions`."""

    def __init__(self, rows: Rows, transactions: Transactions) -> None:
        """Delete what ``rows`` reads."""
        self._rows = rows
        self._transactions = transactions
        self._forgotten = 0

    def erase(self, keys: Iterable[FrameKey]) -> None:
        """Delete everything recorded of those of these frames that are no longer kept."""
        self._delete(
            [row for key in keys for row in self._rows.all(_GONE, *self._rows.key_row(key))]
        )

    def forget(self, last: int) -> None:
        """Delete verdicts up to ``frames.seq`` ``last`` on frames that are not kept.

        At most 20,000 frames that were never kept and 20,000 evicted ones per call. Kept frames
        stay with everything recorded about them, as do frames evicted since then. Cost:
        proportional to the deleted rows.
        """
        judged = list(self._rows.all(_OLD_JUDGED, self._forgotten, last, _AT_ONCE))
        self._delete([*judged, *self._rows.all(_OLD_KEPT, last, _AT_ONCE)])
        all_seen = len(judged) < _AT_ONCE
        self._forgotten = max(self._forgotten, last) if all_seen else int(judged[-1][0])

    def _delete(self, frames: Sequence[Sequence[int]]) -> None:
        """Delete frames with these ``seq``, ``feed`` and ``idx``."""
        if not frames:
            return
        rows: list[Mapping[str, int]] = [
            dict(zip(("seq", "feed", "idx"), frame, strict=True)) for frame in frames
        ]
        with self._transactions.begin() as database:
            for statement in _FORGET:
                database.executemany(statement, rows)


_OLD_JUDGED = (
    "SELECT seq, feed, idx FROM frames WHERE seq > ? AND seq <= ? AND NOT EXISTS (SELECT 1 "
    "FROM kept WHERE kept.feed = frames.feed AND kept.idx = frames.idx) ORDER BY seq LIMIT ?"
)
"""Frames that were never kept."""
_OLD_KEPT = (
    "SELECT seq, feed, idx FROM kept JOIN frames USING (feed, idx) "
    "WHERE NOT live AND gone <= ? LIMIT ?"
)
"""Frames that were kept and evicted."""
_GONE = (
    "SELECT seq, feed, idx FROM kept JOIN frames USING (feed, idx) "
    "WHERE NOT live AND feed = ? AND idx = ?"
)
_FORGET = (
    "DELETE FROM kept WHERE feed = :feed AND idx = :idx",
    "DELETE FROM events WHERE feed = :feed AND idx = :idx",
    "UPDATE events SET cause = NULL WHERE cause = :seq",
    "DELETE FROM embeddings WHERE frame = :seq",
    "DELETE FROM frames WHERE seq = :seq",
)
