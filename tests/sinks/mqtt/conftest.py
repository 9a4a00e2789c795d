"""A broker to talk to; and nothing may block the event loop: a call that does fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.servers.broker import Broker


@pytest.fixture(autouse=True)
def no_blocking_call_on_the_loop() -> Iterator[BlockBuster]:
    with blockbuster_ctx("streamsel") as watch:
        yield watch


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Broker]:
    """A broker that saves each change, so that a subscriber's session survives a kill."""
    settings = ["autosave_interval 1", "autosave_on_changes true"]
    with Broker(tmp_path / "durable", settings=settings) as broker:
        yield broker
