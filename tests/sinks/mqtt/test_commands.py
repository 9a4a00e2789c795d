"""What may be asked over MQTT, and what Home Assistant is told."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.topics import Topics
from tests.servers.broker import Broker
from tests.sinks.mqtt.lines import SomeControls, on_a_loop, opened, running, status, until
from tests.sinks.mqtt.subscriber import Subscriber

ENABLED, COUNT = "streamsel/gate/enabled", "streamsel/gate/count"
CONFIG = "homeassistant/device/streamsel/config"


@on_a_loop
async def test_a_feed_is_switched_and_its_count_changed(tmp_path, broker):
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


async def subscribed(other, controls):
    """Until commands are heard: those said before are lost, as they are for any client."""
    while controls.settings["gate"][1] != 299:
        await asyncio.to_thread(other.say, f"{COUNT}/set", "299")
        await asyncio.sleep(0.05)


@on_a_loop
async def test_what_makes_no_sense_is_refused_and_answered_with_what_is(tmp_path, broker, caplog):
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
    assert "'1\\n2' is not a number of frames" in caplog.text
    assert all(len(line) < 300 for line in caplog.text.splitlines())
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_retained_command_of_long_ago_is_not_obeyed(tmp_path, broker):
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
async def test_where_commands_are_not_allowed_the_rest_works(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    acl = ["user edge", "topic write streamsel/#"]
    with Broker(tmp_path / "b", users={"edge": "one"}, acl=acl) as broker:
        sink, publisher = await opened(tmp_path / "o", broker.port, username="edge", password="one")
        await asyncio.to_thread(sink.feed_changed, status())
        async with running(publisher):
            await until(lambda: publisher.counts.delivered == 1)
            assert publisher.counts.connected
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_feeds_that_are_gone_are_cleared_also_after_a_restart(tmp_path, broker):
    controls = SomeControls({"gate": (True, 5), "yard": (True, 6), "hall": (True, 7)})
    sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, discovery=True)
    for feed in controls.settings:
        await asyncio.to_thread(sink.feed_changed, status(feed=feed))
    filters = ("streamsel/+/status", "streamsel/+/+/state", CONFIG)
    with Subscriber(broker.port, *filters) as other:
        async with running(publisher):
            await until(lambda: len({got.topic for got in other.got}) == 10)
            del controls.settings["yard"]
            await until(lambda: other.last("streamsel/yard/status") == b"")
            await until(lambda: "yard_count" not in json.loads(other.last(CONFIG))["cmps"])
            configs = [got.json["cmps"] for got in other.on(CONFIG)]
            assert configs[0]["yard_count"]["command_topic"] == "streamsel/yard/count/set"
            assert configs[1]["yard_count"] == {"p": "number"}
            assert configs[1]["gate_count"] == configs[0]["gate_count"]
        await asyncio.to_thread(sink.close)
        del controls.settings["hall"]
        sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, discovery=True)
        async with running(publisher):
            await until(lambda: other.last("streamsel/hall/count/state") == b"")
            await until(lambda: "hall_count" not in json.loads(other.last(CONFIG))["cmps"])
        await asyncio.to_thread(sink.close)
    with Subscriber(broker.port, "streamsel/+/status", "streamsel/+/+/state") as late:
        await until(lambda: len(late.got) == 3)
        assert {got.topic.split("/")[1] for got in late.got} == {"gate"}


@on_a_loop
async def test_home_assistant_is_told_again_when_it_is_back(tmp_path, broker):
    sink, publisher = await opened(tmp_path / "outbox", broker.port, discovery=True)
    with Subscriber(broker.port, CONFIG) as other:
        async with running(publisher):
            await until(lambda: other.on(CONFIG))
            asked = 0
            while len(other.on(CONFIG)) < 2:  # heard as soon as we are subscribed
                await asyncio.to_thread(other.say, "homeassistant/status", "offline")
                await asyncio.to_thread(other.say, "homeassistant/status", "online")
                asked += 1
                await asyncio.sleep(0.1)
                assert asked < 100
    assert publisher.counts.commands_refused == 0
    await asyncio.to_thread(sink.close)


def test_the_device_that_home_assistant_sees():
    told = json.loads(
        Discovery(Topics("site/a"), "homeassistant", "image/png").config(
            {"gate": "Einfahrt Süd"}, []
        )
    )
    (device,) = told["dev"]["ids"]
    assert device.startswith("site_a_")
    assert told["o"]["name"] == "streamsel"
    assert told["avty"] == [{"t": "site/a/available"}]
    parts = {name.removeprefix("gate_"): part for name, part in told["cmps"].items()}
    assert {name: part["p"] for name, part in parts.items()} == {
        "image": "image",
        "connected": "binary_sensor",
        "enabled": "switch",
        "count": "number",
        "kept": "sensor",
    }
    assert parts["image"]["name"] == "Einfahrt Süd last kept"
    assert parts["image"]["image_topic"] == "site/a/gate/image"
    assert parts["image"]["content_type"] == "image/png"
    assert parts["enabled"]["command_topic"] == "site/a/gate/enabled/set"
    assert parts["count"]["state_topic"] == "site/a/gate/count/state"
    assert parts["connected"]["state_topic"] == "site/a/gate/status"
    assert parts["kept"]["state_topic"] == "site/a/stats"
    assert len({part["unique_id"] for part in parts.values()}) == 5


@pytest.mark.parametrize("feed", ["Tür 2", 'a"b', "{{ x }}", "ünïcode"])
def test_any_feed_has_parts_of_its_own_with_names_that_home_assistant_takes(feed):
    told = json.loads(
        Discovery(Topics("streamsel"), "homeassistant", "image/jpeg").config(
            {feed: feed, "T_r 2": "T_r 2"}, []
        )
    )
    assert len(told["cmps"]) == 10
    for name, part in told["cmps"].items():
        assert name.replace("_", "").replace("-", "").isalnum()
        assert name.isascii()
        assert part["unique_id"].isascii()
