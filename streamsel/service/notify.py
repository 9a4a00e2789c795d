"""Notifies systemd of the service's state with sd_notify(3)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

_LOG = logging.getLogger("streamsel.service")


class Notifier:
    """Sends datagrams to systemd's notification socket; without one, does nothing.

    ``address`` is a path, or starts with ``@`` for an abstract socket. ``watchdog``: seconds within
    which a keep-alive is expected. No method blocks; a message that cannot be sent is discarded.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = watchdog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int) -> Self:
        """Read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.

        A watchdog set for another process, or an invalid one, is ignored.
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
        """Seconds within which a keep-alive is expected; None if none is."""
        return self._watchdog if self._address else None

    def report_ready(self) -> None:
        """Report that the service runs: first, or again after :meth:`report_reload`."""
        self._send("READY=1")

    def report_reload(self, monotonic: float) -> None:
        """Report a reload; ``monotonic`` is CLOCK_MONOTONIC in seconds."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic * 1e6:.0f}")

    def report_stopping(self) -> None:
        """Report that the service is stopping."""
        self._send("STOPPING=1")

    def report_status(self, text: str) -> None:
        """Report the service's status; only the first line is sent."""
        self._send("STATUS=" + "".join(text.splitlines()[:1]))

    def extend_timeout(self, seconds: float) -> None:
        """Extend the timeout of starting or stopping by this many seconds from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}")

    def keep_alive(self) -> None:
        """Send a keep-alive."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            _LOG.debug("systemd does not take %s: %s", message.partition("=")[0], error)


async def keep_alive(notifier: Notifier, check: Callable[[], Awaitable[None]]) -> None:
    """Send keep-alives for ever, twice per watchdog interval, while ``check`` responds.

    ``check`` returns once all vital parts have made progress. Returns at once if no watchdog is
    set.
    """
    if notifier.watchdog is None:
        return
    interval = notifier.watchdog / 2
    while True:
        try:
            async with asyncio.timeout(interval):
                await check()
        except TimeoutError:
            _LOG.error("no progress for %g s", interval)
            continue
        notifier.keep_alive()
        await asyncio.sleep(interval)
