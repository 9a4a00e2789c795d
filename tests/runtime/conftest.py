"""Nothing may block the event loop, and no thread may stay behind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.runtime.writers import WatchedReader


@pytest.fixture(autouse=True)
def no_blocking_call_on_the_loop() -> Iterator[BlockBuster]:
    with blockbuster_ctx("streamsel") as watch:
        yield watch


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    """Whatever a test let hang it frees in the end, and then every thread leaves."""
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 10.0
    while threading.active_count() > before:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def each_field_of_a_reader_has_one_writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("streamsel.runtime.supervisor.Reader", WatchedReader)
    WatchedReader.made.clear()
    yield
    for reader in WatchedReader.made:
        reader.check()


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
