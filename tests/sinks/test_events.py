"""The events of a service as an iterator: in order, bounded, and over when the service is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from streamsel.decisions import Event, Kept, SelectionUpdate, Verdict
from streamsel.errors import EmbedderError, SinkError
from streamsel.frame import Candidate
from streamsel.sinks.events import EventStream
from tests.polling import until
from tests.runtime.conftest import no_blocking_call_on_the_loop, no_thread_stays_behind
from tests.runtime.live_line import running
from tests.runtime.live_stages import (
    NewestSelector,
    ScriptedSource,
    live_frame,
    prefiltered,
    steady,
)

__all__ = ["no_blocking_call_on_the_loop", "no_thread_stays_behind"]


def update(*indices: int) -> SelectionUpdate:
    events = tuple(Kept(live_frame("a", i), None, None, 0.0, "novel") for i in indices)
    candidate = Candidate(prefiltered("a", indices[-1]), None)
    return SelectionUpdate("a", (Verdict(candidate, "kept", "novel", None, None, None, events),))


def test_events_come_in_order_until_the_service_ends() -> None:
    async def scenario() -> list[int]:
        stream, ending = EventStream(), asyncio.Event()

        async def run() -> None:
            for first in range(0, 100, 10):
                await asyncio.to_thread(stream.apply, update(*range(first, first + 10)))
            await ending.wait()

        got: list[Event] = []
        async for event in stream.events(run, ending.set):
            got.append(event)
            if len(got) == 100:
                ending.set()
        return [event.frame.key.index for event in got]

    assert asyncio.run(scenario()) == list(range(100))


def test_a_consumer_that_is_slow_is_told_to_the_line_as_a_failure() -> None:
    async def scenario() -> None:
        stream = EventStream()
        for _ in range(100):
            stream.apply(update(*range(10)))
        with pytest.raises(SinkError, match="nobody reads them"):
            stream.apply(update(1))

    asyncio.run(scenario())


def test_what_ends_the_service_is_raised_to_the_consumer() -> None:
    async def scenario() -> None:
        async def run() -> None:
            raise EmbedderError("the device is lost")

        with pytest.raises(EmbedderError, match="the device is lost"):
            async for _ in EventStream().events(run, lambda: None):
                pass

    asyncio.run(scenario())


def test_a_consumer_that_leaves_ends_the_service_at_once() -> None:
    async def scenario() -> None:
        stream = EventStream()
        selector = NewestSelector(every=1, capacity=1)
        async with running([stream]) as line:
            await line.add(ScriptedSource("gate", steady(0.001)), selector, reserved=10**6)
            ended = asyncio.Event()

            async def until_ended() -> None:
                await ended.wait()

            async with aclosing(stream.events(until_ended, ended.set)) as events:
                async for event in events:
                    assert event.frame.key.feed == "gate"
                    break
                await until(lambda: [*line.pipeline.failing_sinks] == ["events"])
            await until(lambda: not line.pipeline.failing_sinks)

    asyncio.run(scenario())
