"""The drain against a connection that does exactly what a test says: order, windows, suspects."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from paho.mqtt.properties import Properties

from streamsel.errors import SinkError
from streamsel.sinks.mqtt.connection import BrokerConnection
from streamsel.sinks.mqtt.drain import Drain
from streamsel.sinks.mqtt.payloads import QueuedMessage
from tests.polling import PATIENCE_SECONDS, until
from tests.sinks.mqtt.lines import OpenOutbox, message, on_a_loop, open_outbox
from tests.stand_ins import as_a

MOST_DISCONNECTS = 5


class ScriptedConnection:
    """Takes what is published, and says nothing of it until a test does."""

    most_packet_bytes = 1 << 20
    window = 4

    def __init__(self) -> None:
        self.published: list[str] = []
        self.is_lost = False
        self._open: dict[str, asyncio.Future[str | None]] = {}

    def publish(
        self, topic: str, payload: bytes, properties: Properties | None, *, retain: bool
    ) -> asyncio.Future[str | None]:
        if self.is_lost:
            raise SinkError("the connection was lost")
        number = str(int(payload[:8]))
        self.published.append(number)
        self._open[number] = asyncio.get_running_loop().create_future()
        return self._open[number]

    def accept(self, number: str) -> None:
        self._open[number].set_result(None)


@contextlib.asynccontextmanager
async def draining(
    drain: Drain, connection: ScriptedConnection
) -> AsyncIterator[asyncio.Task[None]]:
    """Let a drain run over a connection, which is lost at the end."""
    task = asyncio.ensure_future(drain.run(as_a(BrokerConnection, connection), asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def line(tmp_path: Path) -> Iterator[OpenOutbox]:
    line = open_outbox(tmp_path)
    yield line
    line.close()


def drain_of(line: OpenOutbox) -> Drain:
    return Drain(line.outgoing, line.clock, None)


def is_published(connection: ScriptedConnection, *numbers: str) -> bool:
    return connection.published == list(numbers)


async def settled() -> None:
    """Let everything happen that needs nobody else: threads look into the outbox in between."""
    for _ in range(20):
        await asyncio.to_thread(lambda: None)
        await asyncio.sleep(0)


@on_a_loop
async def in_flight_when_lost(line: OpenOutbox) -> None:
    await asyncio.to_thread(line.outbox.put, [message(number) for number in range(1, 10)])
    drain = drain_of(line)
    first, second = ScriptedConnection(), ScriptedConnection()
    first.window = 3
    async with draining(drain, first):
        await until(lambda: first.published == ["1", "2", "3"])
    second.window = 3
    async with draining(drain, second):
        for count in (1, 2, 3):
            sent = [str(number) for number in range(1, count + 1)]
            await until(functools.partial(is_published, second, *sent))
            await settled()
            assert is_published(second, *sent), "a suspect is not alone"
            second.accept(sent[-1])
        await until(functools.partial(is_published, second, *"123456"))


def test_what_was_on_its_way_is_sent_one_by_one_and_the_rest_as_ever(line: OpenOutbox) -> None:
    in_flight_when_lost(line)


@on_a_loop
async def lost_again_and_again(line: OpenOutbox) -> None:
    await asyncio.to_thread(line.outbox.put, [message(number) for number in (1, 2, 3)])
    drain = drain_of(line)
    together = ScriptedConnection()
    async with draining(drain, together):
        await until(lambda: together.published == ["1", "2", "3"])
    for _ in range(MOST_DISCONNECTS):  # alone on its way, so many times: it is to blame
        alone = ScriptedConnection()
        async with draining(drain, alone):
            await until(functools.partial(is_published, alone, "1"))
    counts = line.counter.counts()
    assert counts.refused == {}
    last = ScriptedConnection()
    async with draining(drain, last):
        await until(functools.partial(is_published, last, "2", "3"))
    assert dict(line.counter.counts().refused) == {"disconnects": 1}


def test_a_message_that_ends_five_connections_alone_is_set_aside_and_no_sooner(
    line: OpenOutbox,
) -> None:
    lost_again_and_again(line)


@on_a_loop
async def came_while_looking(line: OpenOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    drain = drain_of(line)
    look = line.outgoing.next
    late = iter([message(1)])

    def look_and_miss(after: int) -> QueuedMessage | None:
        found = look(after)
        if found is None:
            line.outbox.put(list(late)[:1])
        return found

    monkeypatch.setattr(line.outgoing, "next", look_and_miss)
    line.wakeup.listen(drain.news)
    connection = ScriptedConnection()
    async with draining(drain, connection), asyncio.timeout(PATIENCE_SECONDS):
        await until(lambda: connection.published == ["1"])


def test_what_comes_just_after_the_last_look_is_not_slept_over(
    line: OpenOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_while_looking(line, monkeypatch)


def test_what_is_replaced_while_it_is_read_is_not_called_damaged(
    line: OpenOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.outbox.put([message(1)])
    read = Path.read_bytes
    newer = [message(1, size=50_000)]

    def read_late(path: Path) -> bytes:
        if newer:
            line.outbox.put([newer.pop()])
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_late)
    queued = line.outgoing.next(0)
    assert queued is not None
    assert queued.message == message(1, size=50_000)
    assert line.counter.counts().refused == {}
    assert line.counter.counts().quarantined == 0
