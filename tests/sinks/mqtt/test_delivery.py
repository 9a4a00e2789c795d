"""From the outbox to other clients of a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from streamsel.choices import Durability
from streamsel.decisions import SelectionUpdate
from streamsel.sinks.mqtt.sink import MqttSink
from streamsel.testing import ManualClock
from tests.polling import until
from tests.servers.broker import Broker
from tests.sinks.mqtt.bad_link import bad_link
from tests.sinks.mqtt.lines import content_of, frame, on_a_loop, opened, running, status, update
from tests.sinks.mqtt.subscriber import Subscriber, ids

EVENTS, IMAGES = "streamsel/events", "streamsel/gate/image"


async def apply(sink: MqttSink, *updates: SelectionUpdate) -> None:
    """As the line does it: in another thread than the loop's."""
    for one in updates:
        await asyncio.to_thread(sink.apply, one)


def names(numbers: Iterable[int]) -> list[str]:
    return [f"gate-{number:06d}" for number in numbers]


@on_a_loop
async def test_what_was_kept_arrives_with_all_that_is_said_about_it(
    tmp_path: Path, broker: Broker
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port, message_expiry=3_600.0)
    with Subscriber(broker.port, "streamsel/#") as subscriber:
        await apply(sink, update(frame(1)))
        async with running(publisher):
            await until(lambda: publisher.counts.delivered == 2)
            await apply(sink, update(frame(2), evicted=frame(1)))
            await until(lambda: len(subscriber.on(EVENTS)) == 3)
        assert ids(subscriber, IMAGES) == names([1, 2])
        image, event = subscriber.on(IMAGES)[0], subscriber.on(EVENTS)[0]
    assert image.payload == content_of(frame(1))
    assert (image.content_type, image.retained) == ("image/jpeg", False)
    assert image.about == {"id": "gate-000001", "message": "image/gate-000001"}
    assert image.expiry is not None
    assert 3_500 < image.expiry <= 3_600
    assert (event.content_type, event.json["id"]) == ("application/json", "gate-000001")
    assert event.about["message"] == "kept/gate-000001"
    counts = publisher.counts
    assert (counts.pending, counts.delivered, counts.connected) == (0, 5, False)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_what_waited_for_a_broker_that_was_away_arrives_in_order(
    tmp_path: Path, durable: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    durable.stop()
    sink, publisher = await opened(tmp_path / "outbox", durable.port)
    await apply(sink, *(update(frame(number)) for number in range(40)))
    async with running(publisher):
        await until(lambda: "Connection refused" in caplog.text)
        assert f"mqtt 127.0.0.1:{durable.port}" in caplog.text
        assert "80 messages wait" in caplog.text
        durable.start()
        with Subscriber(durable.port, EVENTS, name="lasting") as subscriber:
            await until(lambda: not publisher.counts.pending)
            await until(lambda: len(ids(subscriber, EVENTS)) >= 1)
            durable.kill()
            await apply(sink, *(update(frame(number)) for number in range(40, 80)))
            durable.start()
            await until(lambda: ids(subscriber, EVENTS)[-40:] == names(range(40, 80)))
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_messages_that_were_not_acknowledged_are_sent_again_with_the_same_id(
    tmp_path: Path, durable: Broker
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", durable.port)
    with Subscriber(durable.port, EVENTS, name="lasting") as subscriber:
        async with running(publisher):
            await until(lambda: publisher.counts.connected)
            durable.freeze()
            await apply(sink, *(update(frame(number)) for number in range(30)))
            durable.kill()
            durable.start()
            await until(lambda: ids(subscriber, EVENTS) == names(range(30)))
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_message_past_its_time_is_not_sent(tmp_path: Path, broker: Broker) -> None:
    clock = ManualClock()
    sink, publisher = await opened(
        tmp_path / "outbox", broker.port, clock=clock, message_expiry=1.0
    )
    await apply(sink, update(frame(1)))
    clock.advance(1.1)
    async with running(publisher):
        await until(lambda: not publisher.counts.pending)
    counts = publisher.counts
    assert (counts.delivered, dict(counts.refused), counts.quarantined) == (0, {"expired": 2}, 0)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_what_the_broker_refuses_is_set_aside_and_the_queue_moves_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    acl = ["user edge", "topic readwrite streamsel/#", "user other", "topic read #"]
    acl.insert(2, "topic deny streamsel/gate/image")
    with (
        Broker(tmp_path / "b", users={"edge": "one", "other": "two"}, acl=acl) as broker,
        Subscriber(broker.port, "streamsel/#", user="other", password="two") as subscriber,
    ):
        sink, publisher = await opened(
            tmp_path / "outbox", broker.port, username="edge", password="one"
        )
        await apply(sink, *(update(frame(number)) for number in range(20)))
        async with running(publisher):
            await until(lambda: len(subscriber.on(EVENTS)) == 20)
            await until(lambda: not publisher.counts.pending)
        assert subscriber.on(IMAGES) == []
    counts = publisher.counts
    assert (counts.delivered, counts.quarantined) == (20, 20)
    assert dict(counts.refused) == {"not-authorized": 20}
    assert caplog.text.count("was not accepted: not-authorized; set aside in") == 1
    assert len(list((tmp_path / "outbox" / "quarantine").iterdir())) == 20
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_what_the_broker_calls_too_large_is_set_aside_without_a_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Broker(tmp_path / "b", settings=["max_packet_size 50000"]) as broker,
        Subscriber(broker.port, "streamsel/#") as subscriber,
    ):
        sink, publisher = await opened(tmp_path / "outbox", broker.port)
        await apply(sink, update(frame(1, 60_000)), update(frame(2, 30_000)))
        async with running(publisher):
            await until(lambda: len(subscriber.on(EVENTS)) == 2)
            await until(lambda: not publisher.counts.pending)
        assert ids(subscriber, IMAGES) == names([2])
    assert dict(publisher.counts.refused) == {"too-large": 1}
    assert "trying again" not in caplog.text
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_message_that_ends_every_connection_is_found_and_set_aside(
    tmp_path: Path, broker: Broker
) -> None:
    async with bad_link(broker.port, largest_bytes=50_000) as port:
        sink, publisher = await opened(tmp_path / "outbox", port)
        for number in range(12):
            await apply(sink, update(frame(number, 60_000 if number == 5 else 900)))
        with Subscriber(broker.port, "streamsel/#") as subscriber:
            async with running(publisher):
                await until(lambda: not publisher.counts.pending)
            await until(lambda: ids(subscriber, EVENTS) == names(range(12)))
            assert ids(subscriber, IMAGES) == names(n for n in range(12) if n != 5)
    counts = publisher.counts
    assert (dict(counts.refused), counts.quarantined) == ({"disconnects": 1}, 1)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_what_a_busy_broker_refuses_for_now_is_sent_again(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with bad_link(broker.port, refusals=8) as port:
        sink, publisher = await opened(tmp_path / "outbox", port)
        await apply(sink, *(update(frame(number)) for number in range(12)))
        with Subscriber(broker.port, EVENTS) as subscriber:
            async with running(publisher):
                await until(lambda: publisher.counts.delivered == 24)
            await until(lambda: set(ids(subscriber, EVENTS)) == set(names(range(12))))
    assert "the broker takes nothing more for now (quota-exceeded); trying again" in caplog.text
    assert (dict(publisher.counts.refused), publisher.counts.quarantined) == ({}, 0)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_payload_of_256_mib_is_not_even_tried(tmp_path: Path, broker: Broker) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    with Subscriber(broker.port, EVENTS) as subscriber:
        async with running(publisher):
            await apply(sink, update(frame(1, 256 << 20)), update(frame(2)))
            await until(lambda: ids(subscriber, EVENTS) == names([1, 2]))
    assert dict(publisher.counts.refused) == {"too-large": 1}
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_feeds_and_statistics_are_shown(tmp_path: Path, broker: Broker) -> None:
    clock, shown = ManualClock(), "streamsel/gate/status"
    sink, publisher = await opened(tmp_path / "outbox", broker.port, clock=clock)
    await asyncio.to_thread(sink.feed_changed, status("up"))
    with Subscriber(broker.port, "streamsel/#") as early:
        async with running(publisher):
            await until(lambda: early.on(shown))
            with Subscriber(broker.port, shown) as late:
                await until(lambda: late.on(shown))
                assert [(got.retained, got.json["state"]) for got in late.got] == [(True, "up")]
            await asyncio.to_thread(sink.feed_changed, status("down"))
            await until(lambda: [got.json["state"] for got in early.on(shown)] == ["up", "down"])
            await until(lambda: [got.json["state"] for got in early.on(EVENTS)] == ["up", "down"])
            await apply(sink, update(frame(1)))
            assert early.on("streamsel/stats") == []
            clock.advance(60)
            await asyncio.to_thread(sink.tick)
            await until(lambda: early.on("streamsel/stats"))
            (stats,) = early.on("streamsel/stats")
            assert (stats.retained, stats.json["feeds"]["gate"]["kept"]) == (False, 1)
    await asyncio.to_thread(sink.close)


@pytest.mark.parametrize("durability", ["strict", "batched"])
@on_a_loop
async def test_a_line_that_is_closed_first_still_sends_the_last(
    tmp_path: Path, broker: Broker, durability: Durability
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port, durability=durability)
    with Subscriber(broker.port, EVENTS) as subscriber:
        async with running(publisher):
            await until(lambda: publisher.counts.connected)
            await apply(sink, *(update(frame(number)) for number in range(20)))
            await asyncio.to_thread(sink.close)
        await until(lambda: ids(subscriber, EVENTS) == names(range(20)))
    assert publisher.counts.pending == 0
