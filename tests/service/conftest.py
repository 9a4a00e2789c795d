"""Nothing may block the event loop, and no thread may stay behind; and a socket for systemd."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.conftest import no_blocking_call_on_the_loop, no_thread_stays_behind

__all__ = ["no_blocking_call_on_the_loop", "no_thread_stays_behind", "systemd"]


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket, and its address as it would stand in NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        if request.param == "path":
            listening.bind(str(tmp_path / "notify"))
            address = str(tmp_path / "notify")
        else:
            listening.bind("")  # the kernel chooses a free name in the abstract namespace
            address = "@" + listening.getsockname()[1:].decode()
        listening.settimeout(5.0)
        yield listening, address
