"""What live sources that connect to their senders have in common."""

from __future__ import annotations

import threading

from streamsel.decisions import Rhythm
from streamsel.redaction import redact


class PullSource:
    """The identity and the end of a ``LiveSource`` that connects to its sender.

    Subclasses add ``session`` and ``tally``. ``_stopped`` is set by :meth:`stop`, for good.
    """

    def __init__(self, feed: str, location: str) -> None:
        """``location`` may contain credentials; it is never shown as it is."""
        self._feed = feed
        self._location = location
        self._stopped = threading.Event()

    @property
    def feed(self) -> str:
        """Unique name of the feed within a service."""
        return self._feed

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return redact(self._location)

    @property
    def is_push(self) -> bool:
        """False: it connects to its sender."""
        return False

    @property
    def rhythm(self) -> Rhythm:
        """Pictures arrive as they are taken; late ones were dropped."""
        return Rhythm()

    def stop(self) -> None:
        """End the session at the next packet or picture, permanently. Safe from any thread."""
        self._stopped.set()

    @property
    def _where(self) -> str:
        """The feed and its address, for messages."""
        return f"feed '{self._feed}': {self.address}"
