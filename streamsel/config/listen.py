"""Parses the address a service listens on."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from streamsel.errors import ConfigurationError

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that mean every address of this machine, and the loopback address for each."""

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/@\[\]]+)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listen:
    """A host name or address, and a TCP port; with port 0 the system chooses one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the address as typed, and as used in URLs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it.

        >>> Listen("localhost", 80).is_loopback, Listen("::1", 80).is_loopback
        (True, True)
        >>> Listen("0.0.0.0", 80).is_loopback, Listen("127.0.0.1.example.org", 80).is_loopback
        (False, False)
        """
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_listen(text: str) -> Listen:
    """Parse an address to listen on.

    >>> read_listen("127.0.0.1:9464"), read_listen("[::]:80")
    (Listen(host='127.0.0.1', port=9464), Listen(host='::', port=80))

    Raises :class:`ConfigurationError` for any other text.
    """
    match = _LISTEN.fullmatch(text.strip())
    if match is None or int(match[3]) > 65_535:
        raise ConfigurationError(
            f"{text!r} is not an address to listen on; write HOST:PORT, like 127.0.0.1:9464, "
            "[::1]:9464 or 0.0.0.0:9464"
        )
    return Listen(match[1] or match[2], int(match[3]))
