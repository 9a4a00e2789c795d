"""Stops model downloads from hanging on a machine without internet access."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies


def reachable(address: str) -> bool:
    """Whether a download is worth trying: there is a proxy, or the host name resolves."""
    if getproxies():
        return True
    parts = urlsplit(address)
    try:
        socket.getaddrinfo(parts.hostname or "", parts.port or 443)
    except OSError:
        return False
    return True


@contextmanager
def not_waiting() -> Iterator[None]:
    """Restrict huggingface_hub to its cache if its host name does not resolve.

    Otherwise it retries for a minute, even for a file in its cache.
    """
    constants: Any = importlib.import_module("huggingface_hub.constants")
    offline: bool = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
