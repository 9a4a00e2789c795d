"""A sink's own queue and writer, so that a slow sink holds up nobody but by its bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streamsel.interfaces import Sink
from streamsel.runtime.worker import Worker

_WAITING_CALLS = 8


class Mailbox:
    """Hands calls to one sink in order, in the sink's thread.

    ``post`` waits while too many calls wait: the file policy, nothing is lost and memory is
    bounded. ``deliver`` is the writer task; it runs until it is cancelled, and a sink's failure
    ends it loudly.
    """

    def __init__(self, sink: Sink, worker: Worker) -> None:
        self.sink = sink
        self._worker = worker
        self._calls: asyncio.Queue[Callable[[], None]] = asyncio.Queue(_WAITING_CALLS)

    async def post(self, call: Callable[[], None]) -> None:
        """Queue one call of the sink."""
        await self._calls.put(call)

    async def settled(self) -> None:
        """Return once every call posted before has been carried out."""
        await self._calls.join()

    async def deliver(self) -> None:
        """Carry out calls as they come, for ever."""
        while True:
            call = await self._calls.get()
            await self._worker.run(call)
            self._calls.task_done()
