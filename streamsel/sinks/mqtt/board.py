"""What the broker should show now: the latest of each, in memory, newer in place of older."""

from __future__ import annotations

import threading
from collections.abc import Mapping


class Board:
    """Of each feed the latest status and kept frame, and the latest statistics; for any thread.

    Nothing here needs to survive: it is posted again by a service that is started again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, bytes] = {}
        self._kept: dict[str, bytes] = {}
        self._stats: bytes | None = None

    def post_status(self, feed: str, payload: bytes) -> None:
        """Replace the status of a feed."""
        with self._lock:
            self._statuses[feed] = payload

    def statuses(self) -> Mapping[str, bytes]:
        """Return the latest status of each feed."""
        with self._lock:
            return dict(self._statuses)

    def post_kept(self, feed: str, payload: bytes) -> None:
        """Replace what is told of the frame that a feed kept last."""
        with self._lock:
            self._kept[feed] = payload

    def kept(self) -> Mapping[str, bytes]:
        """Return what is told of the frame that each feed kept last, where one has by now."""
        with self._lock:
            return dict(self._kept)

    def forget(self, feed: str) -> None:
        """Remove what is shown of a feed that is no longer part of the service."""
        with self._lock:
            self._statuses.pop(feed, None)
            self._kept.pop(feed, None)

    def post_stats(self, payload: bytes) -> None:
        """Replace the statistics."""
        with self._lock:
            self._stats = payload

    def take_stats(self) -> bytes | None:
        """Return statistics that were not taken before, if there are any."""
        with self._lock:
            stats, self._stats = self._stats, None
            return stats
