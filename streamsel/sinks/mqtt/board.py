"""What the broker should show now: the latest of each, in memory, newer in place of older."""

from __future__ import annotations

import threading
from collections.abc import Mapping


class Board:
    """The latest status of each feed, and the latest statistics. Safe from any thread.

    Nothing here needs to survive: it is posted again by a service that is started again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, bytes] = {}
        self._stats: bytes | None = None

    def post_status(self, feed: str, payload: bytes) -> None:
        """Replace the status of a feed."""
        with self._lock:
            self._statuses[feed] = payload

    def statuses(self) -> Mapping[str, bytes]:
        """Return the latest status of each feed."""
        with self._lock:
            return dict(self._statuses)

    def forget(self, feed: str) -> None:
        """Remove the status of a feed that is no longer part of the service."""
        with self._lock:
            self._statuses.pop(feed, None)

    def post_stats(self, payload: bytes) -> None:
        """Replace the statistics."""
        with self._lock:
            self._stats = payload

    def take_stats(self) -> bytes | None:
        """Return statistics that were not taken before, if there are any."""
        with self._lock:
            stats, self._stats = self._stats, None
            return stats
