"""Nothing may block the event loop: a call that does fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def no_blocking_call_on_the_loop() -> Iterator[BlockBuster]:
    with blockbuster_ctx("streamsel") as watch:
        yield watch
