"""A thread-safe wake-up: wakes an asyncio task from another thread."""

from __future__ import annotations

import asyncio
import threading


class Wakeup:
    """Says, across threads, that there is something new."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def listen(self, event: asyncio.Event) -> None:
        """Let every ring set an event of the running loop, until :meth:`ignore`."""
        with self._lock:
            self._listener = (asyncio.get_running_loop(), event)

    def ignore(self) -> None:
        """Let go of the event and its loop; rings lead nowhere from now on."""
        with self._lock:
            self._listener = None

    def ring(self) -> None:
        """Wake whoever listens. Safe from any thread."""
        with self._lock:
            if self._listener is not None:
                loop, event = self._listener
                loop.call_soon_threadsafe(event.set)
