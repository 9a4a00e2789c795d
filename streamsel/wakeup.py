"""A thread-safe wake-up: wakes an asyncio task from another thread."""

from __future__ import annotations

import asyncio
import threading


class Wakeup:
    """Signals across threads that there is new work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def listen(self, event: asyncio.Event) -> None:
        """Set ``event`` of the running loop at every :meth:`ring`, until :meth:`ignore`."""
        with self._lock:
            self._listener = (asyncio.get_running_loop(), event)

    def ignore(self) -> None:
        """Release the event and its loop; later rings do nothing."""
        with self._lock:
            self._listener = None

    def ring(self) -> None:
        """Wake the listener, if there is one. Safe from any thread."""
        with self._lock:
            if self._listener is not None:
                loop, event = self._listener
                loop.call_soon_threadsafe(event.set)
