"""Wakes an asyncio task: from another thread, or after a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress


class Wakeup:
    """Signals across threads that there is new work.

    No lock is taken, because hundreds of threads would exchange one lock only as fast as the
    interpreter switches threads, some 200 times a second.
    """

    def __init__(self, event: asyncio.Event | None = None) -> None:
        """Given an ``event``, listen at once; then the loop must be running."""
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        if event is not None:
            self.listen(event)

    def listen(self, event: asyncio.Event) -> None:
        """Set ``event`` of the running loop at every :meth:`ring`, until :meth:`ignore`."""
        self._listener = (asyncio.get_running_loop(), event)

    def ignore(self) -> None:
        """Release the event and its loop; later rings do nothing."""
        self._listener = None

    def ring(self) -> None:
        """Wake the listener, if there is one. Safe from any thread."""
        if (listener := self._listener) is not None:
            loop, event = listener
            with suppress(RuntimeError):  # a thread may outlive the loop
                loop.call_soon_threadsafe(event.set)


async def await_set(event: asyncio.Event, within: float | None) -> bool:
    """Wait until an event is set, at most ``within`` seconds; return whether it is.

    None waits as long as it takes.
    """
    try:
        async with asyncio.timeout(within):
            return await event.wait()
    except TimeoutError:
        return False


async def await_ended(tasks: Sequence[asyncio.Task[None]], within: float) -> bool:
    """Wait for tasks to end; cancel them after ``within`` seconds. Return whether all ended."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tasks, timeout=within)
    for task in pending:
        task.cancel()
    return not pending
