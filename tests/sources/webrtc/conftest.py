"""A network with addresses that connections can be made between: the loopback has none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsel.clock import SystemClock
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.webrtc.ingest import Ingest
from streamsel.sources.webrtc.peer import PeerOptions
from tests.servers.namespaces import Namespaces


@pytest.fixture
def nets() -> Iterator[Namespaces]:
    """Two networks; the test and all threads it starts are in that of the client."""
    with Namespaces() as made, made.as_client():
        yield made


@pytest.fixture
def ingest(nets: Namespaces) -> Iterator[Ingest]:
    """Takes at most two senders."""
    made = Ingest(PeerOptions(max_peers=2), SystemClock(), SideLoop("streamsel-webrtc"))
    yield made
    made.close()
