"""Nothing may block the event loop, and no thread may stay behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.polling import eventually
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
    eventually(lambda: threading.active_count() <= before, what=f"back to {before} threads")


@pytest.fixture(autouse=True)
def each_field_of_a_reader_has_one_writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("streamsel.runtime.supervisor.FeedReader", WatchedReader)
    WatchedReader.made.clear()
    yield
    for reader in WatchedReader.made:
        reader.check()
