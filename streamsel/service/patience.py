"""Retries start-up errors that pass: a busy port, a locked folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from streamsel.errors import PassingError
from streamsel.service.notify import Notifier, keep_alive

_LOG = logging.getLogger("streamsel.service")
_WAITS_SECONDS = tuple(2.0**power for power in range(1, 9))
# Maximum duration of an attempt: loading the network, opening a disk.
_ATTEMPT_SECONDS = 120.0


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return


class Patience:
    """Retries after 2, 4, ... 256 s, 8.5 minutes in total, then gives up.

    Meanwhile the supervisor of the process is notified of the reason and the delay, and receives
    keep-alives. ``pause`` waits a number of seconds, or until the event is set.
    """

    def __init__(
        self,
        notifier: Notifier,
        stopping: asyncio.Event,
        pause: Callable[[asyncio.Event, float], Awaitable[None]] = _pause,
    ) -> None:
        self._notifier = notifier
        self._stopping = stopping
        self._pause = pause

    async def run(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Retry until success, or until stopped.

        Raises the last :class:`PassingError`, and any other exception at once.
        """
        for seconds in _WAITS_SECONDS:
            try:
                await attempt()
            except PassingError as error:
                await self._wait(seconds, error)
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
