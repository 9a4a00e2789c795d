"""What all sources have: a name, an address, and an end."""

from __future__ import annotations

import threading


class NamedSource:
    """The identity and the end of a source. ``_stopped`` is set by :meth:`stop`, for good."""

    def __init__(self, feed: str, address: str) -> None:
        """``address`` is shown as it is, so its credentials must be masked."""
        self._feed = feed
        self._address = address
        self._stopped = threading.Event()

    @property
    def feed(self) -> str:
        """Unique name of the feed within a run or a service."""
        return self._feed

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return self._address

    def stop(self) -> None:
        """End reading at the next packet or picture, permanently. Safe from any thread."""
        self._stopped.set()

    @property
    def _where(self) -> str:
        """The feed and its address, for messages."""
        return f"feed '{self._feed}': {self._address}"
