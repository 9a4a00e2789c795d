"""Nothing may block the event loop, and no thread may stay behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

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
    monkeypatch.setattr("streamsel.runtime.supervisor.FeedReader", WatchedReader)
    WatchedReader.made.clear()
    yield
    for reader in WatchedReader.made:
        reader.check()
