"""A sink that yields the events of a service as an asynchronous iterator."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable

from streamsel.decisions import Event, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.wakeup import Wakeup

_MOST_WAITING = 1_000


class EventStream:
    """A sink that passes events to one consumer on the event loop.

    Accepts updates while fewer than 1,000 events wait. When full, ``apply`` raises a retryable
    error and the caller merges pending updates, so a slow consumer misses intermediate changes and
    never delays a camera. Create it inside the running event loop.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._lock = threading.Lock()
        self._arrived = asyncio.Event()
        self._wakeup = Wakeup(self._arrived)
        self._is_closed = False

    @property
    def name(self) -> str:
        """``events``."""
        return "events"

    def apply(self, update: SelectionUpdate) -> None:
        """Queue the events. Raises :class:`SinkError` if the queue is full."""
        if not update.events or self._is_closed:
            return
        with self._lock:
            if len(self._events) >= _MOST_WAITING:
                raise SinkError("events: nobody reads them")
            self._events += update.events
        self._wakeup.ring()

    def close(self) -> None:
        """Accept no more events; the consumer still gets those that wait."""
        self._is_closed = True

    async def events(
        self, run: Callable[[], Awaitable[None]], stop: Callable[[], None]
    ) -> AsyncGenerator[Event, None]:
        """Yield events while ``run`` runs; raises what it raises.

        Closing the generator calls ``stop`` and waits for ``run`` to end.
        """
        running = asyncio.ensure_future(run())
        running.add_done_callback(lambda _: self._arrived.set())
        try:
            while True:
                self._arrived.clear()
                with self._lock:
                    waiting = [*self._events]
                    self._events.clear()
                for event in waiting:
                    yield event
                if not waiting:
                    if running.done():
                        return
                    await self._arrived.wait()
        finally:
            # Otherwise the pipeline would wait at its end for a consumer that is gone.
            self._is_closed = True
            stop()
            await running
