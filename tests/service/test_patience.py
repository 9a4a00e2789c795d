"""What may pass is tried again, for 8.5 minutes; whoever supervises hears why, and of life."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from streamsel.errors import ConfigurationError, PassingError, PortInUseError
from streamsel.service.notify import Notifier
from streamsel.service.patience import Patience
from tests.polling import until


class Attempts:
    """Fails with these errors, one after another, then succeeds; knows how long was waited."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.made = 0
        self.waits: list[float] = []
        self.stopping = asyncio.Event()

    async def attempt(self) -> None:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)

    async def pause(self, stopping: asyncio.Event, seconds: float) -> None:
        assert stopping is self.stopping
        self.waits.append(seconds)

    async def run(self, notifier: Notifier) -> None:
        await Patience(notifier, self.stopping, self.pause).run(self.attempt)


IN_USE = PortInUseError("service.listen: 127.0.0.1:9464 is in use")


def test_it_is_tried_for_eight_and_a_half_minutes() -> None:
    async def scenario() -> None:
        attempts = Attempts(*[IN_USE] * 9)
        with closing(Notifier()) as notifier, pytest.raises(PassingError, match="is in use"):
            await attempts.run(notifier)
        assert attempts.waits == [2, 4, 8, 16, 32, 64, 128, 256]
        assert sum(attempts.waits) == 8.5 * 60
        assert attempts.made == 9

    asyncio.run(scenario())


def test_it_goes_on_as_soon_as_it_can() -> None:
    async def scenario() -> None:
        attempts = Attempts(IN_USE, IN_USE)
        with closing(Notifier()) as notifier:
            await attempts.run(notifier)
        assert (attempts.waits, attempts.made) == ([2, 4], 3)

    asyncio.run(scenario())


def test_a_mistake_is_told_at_once() -> None:
    async def scenario() -> None:
        attempts = Attempts(IN_USE, ConfigurationError("feeds: none"))
        with closing(Notifier()) as notifier, pytest.raises(ConfigurationError, match="none"):
            await attempts.run(notifier)
        assert attempts.waits == [2]

    asyncio.run(scenario())


def test_told_to_stop_it_waits_no_longer_and_tries_no_more() -> None:
    async def scenario() -> None:
        attempts = Attempts(*[IN_USE] * 9)
        with closing(Notifier()) as notifier:
            running = asyncio.ensure_future(
                Patience(notifier, attempts.stopping).run(attempts.attempt)
            )
            await until(lambda: attempts.made == 1)
            attempts.stopping.set()
            async with asyncio.timeout(20):
                await running
        assert attempts.made == 1

    asyncio.run(scenario())


def test_systemd_hears_why_and_for_how_long_and_of_life(
    systemd: tuple[socket.socket, str],
) -> None:
    listening, address = systemd
    listening.setblocking(False)
    heard: list[bytes] = []

    def has_heard(message: bytes) -> bool:
        try:
            heard.append(listening.recv(4096))
        except BlockingIOError:
            return False
        return heard[-1] == message

    async def scenario() -> None:
        attempts = Attempts(IN_USE)

        async def pause(stopping: asyncio.Event, seconds: float) -> None:
            for _ in range(2):
                await until(lambda: has_heard(b"WATCHDOG=1"))

        with closing(Notifier(address, watchdog=0.02)) as notifier:
            await Patience(notifier, attempts.stopping, pause).run(attempts.attempt)

    asyncio.run(scenario())
    assert heard[:2] == [
        b"STATUS=service.listen: 127.0.0.1:9464 is in use; trying again in 2 s",
        b"EXTEND_TIMEOUT_USEC=122000000",
    ]
