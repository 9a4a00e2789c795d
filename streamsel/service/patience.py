"""Retries start-up errors that pass: a busy port, a locked folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from streamsel.backoff import Backoff
from streamsel.errors import PassingError
from streamsel.service.notify import Notifier, keep_alive
from streamsel.wakeup import await_set

_LOG = logging.getLogger("streamsel.service")
_BACKOFF = Backoff(first=2.0, most=256.0)
_ATTEMPTS = 9
# Maximum duration of an attempt: loading the network, opening a disk.
_ATTEMPT_SECONDS = 120.0


class Patience:
    """Retries after 2, 4, ... 256 s, 8.5 minutes in total, then gives up.

    Meanwhile the supervisor of the process is notified of the reason and the delay, and receives
    keep-alives. ``pause`` waits a number of seconds, or until the event is set.
    """

    def __init__(
        self,
        notifier: Notifier,
        stopping: asyncio.Event,
        pause: Callable[[asyncio.Event, float], Awaitable[object]] = await_set,
    ) -> None:
        self._notifier = notifier
        self._stopping = stopping
        self._pause = pause

    async def run(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Retry until success, or until stopped.

        Raises the last :class:`PassingError`, and any other exception at once.
        """
        for failures in range(1, _ATTEMPTS):
            try:
                await attempt()
            except PassingError as error:
                await self._wait(_BACKOFF.longest(failures), error)
            else:
                return
            if self._stopping.is_set():
                return
        await attempt()

    async def _wait(self, seconds: float, why: PassingError) -> None:
        said = f"{why}; trying again in {seconds:g} s"
        _LOG.warning("%s", said)
        self._notifier.report_status(said)
        self._notifier.extend_timeout(seconds + _ATTEMPT_SECONDS)
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(keep_alive(self._notifier, _respond), name="watchdog")
            await self._pause(self._stopping, seconds)
            living.cancel()


async def _respond() -> None:
    """Return at once: being called is the sign of life."""
