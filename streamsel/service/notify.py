"""Notifies systemd of the service's state with sd_notify(3)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

_LOG = logging.getLogger("streamsel.service")


class Notifier:
    """Sends datagrams to the socket that systemd gave; without one, says nothing.

    ``address`` is a path, or begins with ``@`` for a name in the abstract namespace. ``watchdog``:
    seconds within which a sign of life is expected. No method waits; a message that cannot be
    sent is left out, because a service that cannot report is still a service.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = watchdog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int) -> Self:
        """Read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.

        A watchdog that is set for another process, or not a number, is none.
        """
        address = environ.get("NOTIFY_SOCKET", "")
        interval_us = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog = None
        if is_ours and interval_us.isdecimal() and int(interval_us) > 0:
            watchdog = int(interval_us) / 1e6
        return cls(address if address[:1] in ("/", "@") else "", watchdog)

    @property
    def watchdog(self) -> float | None:
        """Seconds within which a sign of life is expected; None: none is."""
        return self._watchdog if self._address else None

    def ready(self) -> None:
        """The service runs: for the first time, or again after :meth:`reloading`."""
        self._send("READY=1")

    def reloading(self, monotonic: float) -> None:
        """The configuration is read again; ``monotonic`` is CLOCK_MONOTONIC in seconds."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic * 1e6:.0f}")

    def stopping(self) -> None:
        """The service comes to its end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Say how the service is; what follows the first line is left out."""
        self._send("STATUS=" + "".join(text.splitlines()[:1]))

    def takes_longer(self, seconds: float) -> None:
        """Starting, or ending, takes so much longer from now on, and is no failure until then."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}")

    def alive(self) -> None:
        """Give a sign of life."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            _LOG.debug("systemd does not take %s: %s", message.partition("=")[0], error)


async def keep_alive(notifier: Notifier, alive: Callable[[], Awaitable[None]]) -> None:
    """Give signs of life for ever, twice in the time allowed, as long as there is life.

    ``alive`` returns once all that must make progress did. Returns at once where no sign of life
    is expected.
    """
    if notifier.watchdog is None:
        return
    interval = notifier.watchdog / 2
    while True:
        try:
            async with asyncio.timeout(interval):
                await alive()
        except TimeoutError:
            _LOG.error("no progress for %g s", interval)
            continue
        notifier.alive()
        await asyncio.sleep(interval)
