"""What may be asked over MQTT."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.polling import attempts_on_loop, until
from tests.servers.broker import Broker
from tests.sinks.mqtt.lines import SomeControls, on_a_loop, opened, running, status
from tests.sinks.mqtt.subscriber import Subscriber

ENABLED, COUNT = "streamsel/gate/enabled", "streamsel/gate/count"


@on_a_loop
async def test_a_feed_is_switched_and_its_count_changed(tmp_path: Path, broker: Broker) -> None:
    controls = SomeControls()
    sink, publisher = await opened(tmp_path / "outbox", broker.port, controls)
    with Subscriber(broker.port, "streamsel/#") as other:
        async with running(publisher):
            await until(lambda: other.last(f"{COUNT}/state") == b"300")
            assert other.last(f"{ENABLED}/state") == b"ON"
            await subscribed(other, controls)
            await asyncio.to_thread(other.say, f"{ENABLED}/set", "off")
            await until(lambda: other.last(f"{ENABLED}/state") == b"OFF")
            await asyncio.to_thread(other.say, f"{COUNT}/set", "17")
            await until(lambda: other.last(f"{COUNT}/state") == b"17")
            assert controls.settings == {"gate": (False, 17)}
            controls.settings["gate"] = (True, 18)  # by another way than MQTT
            await until(lambda: other.last(f"{COUNT}/state") == b"18")
    with Subscriber(broker.port, "streamsel/+/+/state") as late:
        await until(lambda: len(late.got) == 2)
        assert all(got.retained for got in late.got)
    assert publisher.counts.commands_refused == 0
    await asyncio.to_thread(sink.close)


async def subscribed(other: Subscriber, controls: SomeControls) -> None:
    """Until commands are heard: those said before are lost, as they are for any client."""
    async for _ in attempts_on_loop():
        if controls.settings["gate"][1] == 299:
            return
        await asyncio.to_thread(other.say, f"{COUNT}/set", "299")
    raise AssertionError("no command is heard")


@on_a_loop
async def test_what_makes_no_sense_is_refused_and_answered_with_what_is(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    controls = SomeControls()
    sink, publisher = await opened(tmp_path / "outbox", broker.port, controls)
    bad = [
        (f"{COUNT}/set", payload)
        for payload in ("", "0", "-3", "1.5", "nine", "٣", "1e3", "9" * 5_000, "1001", "1\n2")
    ]
    bad += [(f"{ENABLED}/set", "maybe"), ("streamsel/yard/count/set", "5")]
    with Subscriber(broker.port, "streamsel/#") as other:
        async with running(publisher):
            await until(lambda: publisher.counts.connected)
            await subscribed(other, controls)
            await until(lambda: other.last(f"{COUNT}/state") == b"299")
            answers = len(other.on(f"{COUNT}/state"))
            for topic, payload in bad:
                await asyncio.to_thread(other.say, topic, payload)
            await until(lambda: publisher.counts.commands_refused == len(bad))
            await until(lambda: len(other.on(f"{COUNT}/state")) > answers)
            assert other.last(f"{COUNT}/state") == b"299"
    assert controls.settings == {"gate": (True, 299)}
    assert "there is no feed 'yard'" in caplog.text
    assert "count is 1001; it must be at most 1,000" in caplog.text
    assert "count/set is '1\\n2'; it must be a whole number" in caplog.text
    assert all(len(line) < 300 for line in caplog.text.splitlines())
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_retained_command_of_long_ago_is_not_obeyed(tmp_path: Path, broker: Broker) -> None:
    controls = SomeControls()
    with Subscriber(broker.port, "streamsel/#") as other:
        other.say(f"{COUNT}/set", "5", retain=True)
        sink, publisher = await opened(tmp_path / "outbox", broker.port, controls)
        async with running(publisher):
            await subscribed(other, controls)
            await until(lambda: other.last(f"{COUNT}/state") == b"299")
        assert b"5" not in [got.payload for got in other.on(f"{COUNT}/state")]
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_where_commands_are_not_allowed_the_rest_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    acl = ["user edge", "topic write streamsel/#"]
    with Broker(tmp_path / "b", users={"edge": "one"}, acl=acl) as broker:
        sink, publisher = await opened(tmp_path / "o", broker.port, username="edge", password="one")
        await asyncio.to_thread(sink.feed_changed, status())
        async with running(publisher):
            await until(lambda: publisher.counts.delivered == 1)
            assert publisher.counts.connected
    await asyncio.to_thread(sink.close)
