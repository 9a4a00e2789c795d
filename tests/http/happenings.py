"""What happens to a service that is followed: frames come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Unpack

from streamsel.decisions import Event, Evicted, Kept, SelectionUpdate
from streamsel.frame import Frame, FrameKey
from streamsel.http.events import EventBroker
from tests.coreset.candidates import candidate
from tests.http.serving import Behind, Client, ServiceChoices, serving
from tests.metrics.scenario import fresh_metrics, unit_vectors


@asynccontextmanager
async def live(
    behind: Behind, events_broker: EventBroker, **options: Unpack[ServiceChoices]
) -> AsyncIterator[Client]:
    """Run a service with an event broker for its control."""
    metrics = fresh_metrics()
    serve = asyncio.ensure_future(events_broker.serve(behind, metrics))
    async with serving(behind, metrics=metrics, events_broker=events_broker, **options) as client:
        yield client
    serve.cancel()
    await asyncio.wait([serve])


def seen(index: int) -> Frame:
    return candidate(index, unit_vectors(1)[0], feed="gate").frame


def kept(index: int) -> Kept:
    return Kept(seen(index), 0.5, None, 0.1, "novel")


def evicted(index: int, by: int) -> Evicted:
    return Evicted(seen(index), FrameKey("gate", by), 0.25, "closest-pair")


def update(*events: Event) -> SelectionUpdate:
    return SelectionUpdate("gate", (), changes=events)
