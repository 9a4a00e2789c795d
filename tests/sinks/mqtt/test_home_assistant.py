"""Messages to Home Assistant: when they are sent, accepted, and withdrawn."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest

from streamsel.decisions import Kept
from streamsel.sinks.mqtt.counts import DeliveryCounter
from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.payloads import (
    Topics,
    Writer,
    last_payload,
    stats_payload,
    status_payload,
)
from tests.polling import attempts_on_loop, until
from tests.servers.broker import Broker
from tests.sinks.mqtt.lines import (
    SomeControls,
    content_of,
    frame,
    on_a_loop,
    opened,
    running,
    status,
    update,
)
from tests.sinks.mqtt.subscriber import Subscriber

TABLE = json.loads(Path(__file__).with_name("home_assistant.json").read_text())
"""The keys that Home Assistant allows; it says of which version and where they stand."""

FORMER = "homeassistant/device/streamsel/config"
AWKWARD = ["gate", "Tür 2", 'a"b', "{{ x }}", "ünïcode"]


def config_topic(feed: str) -> str:
    return f"homeassistant/device/streamsel/{feed}/config"


def described(
    feed: str = "gate",
    shown: str = "Einfahrt Süd",
    prefix: str = "streamsel",
    page: str | None = None,
) -> dict[str, Any]:
    discovery = Discovery(Topics(prefix), "homeassistant", "image/png", page)
    told: dict[str, Any] = json.loads(discovery.config(feed, shown))
    return told


def spelled_out(told: dict[str, Any], part: str) -> dict[str, Any]:
    """A description with the names that its abbreviations stand for."""
    names = TABLE["abbreviations"][part]
    return {names.get(key, key): value for key, value in told.items()}


def require_allowed(told: dict[str, Any], allowed: dict[str, list[str]]) -> None:
    assert told.keys() <= {*allowed["required"], *allowed["optional"]}
    assert set(allowed["required"]) <= told.keys()


def rendered(template: str, payload: bytes | str) -> str:
    """What a template makes of a message, by the filters that Home Assistant adds to Jinja."""
    environment = jinja2.Environment()
    environment.filters["to_json"] = json.dumps
    environment.filters["as_datetime"] = lambda seconds: datetime.fromtimestamp(seconds, UTC)
    return environment.from_string(template).render(value_json=json.loads(payload))


@pytest.mark.parametrize("feed", AWKWARD)
@pytest.mark.parametrize("page", [None, "https://box:9464/"])
def test_every_key_is_one_that_home_assistant_allows(feed: str, page: str | None) -> None:
    told = spelled_out(described(feed, page=page), "discovery")
    require_allowed(told, TABLE["discovery"])
    require_allowed(spelled_out(told["device"], "device"), TABLE["device"])
    require_allowed(spelled_out(told["origin"], "origin"), TABLE["origin"])
    for part in told["components"].values():
        part = spelled_out(part, "component")
        require_allowed(
            {key: value for key, value in part.items() if key != "platform"},
            TABLE["platforms"][part["platform"]],
        )


def test_the_table_says_where_it_is_from() -> None:
    assert TABLE["version"] in TABLE["source"]
    assert datetime.fromisoformat(TABLE["date"])
    assert len(TABLE["platforms"]) == 6


def test_a_feed_is_a_device() -> None:
    told = described(prefix="site/a", page="https://box:9464/")
    (device,) = told["dev"]["ids"]
    assert device.startswith("site_a_")
    assert device.endswith("_gate")
    assert told["dev"]["name"] == "Einfahrt Süd"
    assert told["dev"]["cu"] == "https://box:9464/"
    assert told["avty"] == [{"t": "site/a/available"}]
    parts = told["cmps"]
    assert {name: part["p"] for name, part in parts.items()} == {
        "image": "image",
        "last": "sensor",
        "event": "event",
        "connected": "binary_sensor",
        "enabled": "switch",
        "count": "number",
        "kept": "sensor",
    }
    assert parts["image"]["image_topic"] == "site/a/gate/image"
    assert parts["image"]["content_type"] == "image/png"
    assert parts["enabled"]["command_topic"] == "site/a/gate/enabled/set"
    assert parts["count"]["state_topic"] == "site/a/gate/count/state"
    assert len({part["unique_id"] for part in parts.values()}) == len(parts)
    assert "cu" not in described()["dev"]


def test_every_feed_has_a_topic_and_names_of_its_own_that_home_assistant_takes() -> None:
    discovery = Discovery(Topics("streamsel"), "homeassistant", "image/jpeg")
    feeds = [*AWKWARD, "T_r 2"]
    topics = {discovery.topic(feed) for feed in feeds}
    names = [
        name
        for feed in feeds
        for told in [described(feed)]
        for name in (*told["dev"]["ids"], *(part["unique_id"] for part in told["cmps"].values()))
    ]
    assert len(topics) == len(feeds)
    assert len(set(names)) == len(names)
    for name in (*names, *(topic.replace("/", "") for topic in topics)):
        assert name.isascii()
        assert name.replace("_", "").replace("-", "").isalnum()


@pytest.mark.parametrize("feed", AWKWARD)
def test_templates_find_in_the_messages_what_they_are_to_show(feed: str) -> None:
    parts = described(feed)["cmps"]
    kept = frame(7, feed=feed)
    told = update(frame(6, feed=feed), kept)
    writer = Writer(Topics("streamsel"), "made", "00ff", "png", stored=True)
    of_gate = [event.payload for event in writer.messages(told) if event.key.startswith("kept/")]
    event = json.loads(rendered(parts["event"]["value_template"], of_gate[-1]))
    assert event["event_type"] in parts["event"]["event_types"]
    assert (event["id"], event["distance"], event["reason"]) == (str(kept.key), 0.25, "novel")
    others = [writer.feed_event(status(feed=feed))]
    others += writer.messages(update(frame(7, feed="another")))
    *_, gone = writer.messages(update(frame(8, feed=feed), evicted=kept))
    for other in (*others, gone):
        if not other.is_retained:
            assert rendered(parts["event"]["value_template"], other.payload) == ""
    change = told.verdicts[-1].events[0]
    assert isinstance(change, Kept)
    last = last_payload(change)
    shown = rendered(parts["last"]["value_template"], last)
    assert datetime.fromisoformat(shown).timestamp() == kept.wall_time
    up = status_payload(status(feed=feed))
    assert rendered(parts["connected"]["value_template"], up) == "ON"
    counts = stats_payload(0.0, {feed: Counter(kept=41)}, DeliveryCounter().counts())
    assert rendered(parts["kept"]["value_template"], counts) == "41"


@on_a_loop
async def test_feeds_that_are_gone_are_cleared_also_after_a_restart(
    tmp_path: Path, broker: Broker
) -> None:
    controls = SomeControls({"gate": (True, 5), "yard": (True, 6), "hall": (True, 7)})
    sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, discovery=True)
    for feed in controls.settings:
        await asyncio.to_thread(sink.feed_changed, status(feed=feed))
        await asyncio.to_thread(sink.apply, update(frame(0, feed=feed)))
    filters = ("streamsel/+/+", "streamsel/+/+/state", "homeassistant/device/#")
    with Subscriber(broker.port, *filters) as other:
        async with running(publisher):
            await until(lambda: len({got.topic for got in other.got}) == 1 + 3 * 6)
            assert all(other.last(config_topic(feed)) for feed in controls.settings)
            del controls.settings["yard"]
            await until(lambda: other.last("streamsel/yard/count/state") == b"")
            for topic in ("status", "image", "last", "enabled/state"):
                assert other.last(f"streamsel/yard/{topic}") == b""
            assert other.last(config_topic("yard")) == b""
            assert other.last(config_topic("gate"))
        await asyncio.to_thread(sink.close)
        del controls.settings["hall"]
        sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, discovery=True)
        async with running(publisher):
            await until(lambda: other.last("streamsel/hall/count/state") == b"")
            assert other.last(config_topic("hall")) == b""
        await asyncio.to_thread(sink.close)
    with Subscriber(broker.port, *filters) as late:
        await until(lambda: len(late.got) == 6)
        assert all("gate" in got.topic for got in late.got)


@on_a_loop
async def test_who_comes_later_sees_the_last_picture_and_what_it_is_of(
    tmp_path: Path, broker: Broker
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    shown = [frame(1), frame(2)]
    await asyncio.to_thread(sink.apply, update(*shown))
    async with running(publisher):
        with Subscriber(broker.port, "streamsel/gate/last") as other:
            await until(lambda: other.last("streamsel/gate/last"))
        await until(lambda: publisher.counts.pending == 0)
    with Subscriber(broker.port, "streamsel/gate/+", "streamsel/events") as late:
        await until(lambda: len(late.got) == 2)
        assert all(got.retained for got in late.got)
        assert late.last("streamsel/gate/image") == content_of(shown[-1])
        told = late.last("streamsel/gate/last")
        assert told is not None
        last = json.loads(told)
        assert (last["id"], last["wall_time"]) == (str(shown[-1].key), shown[-1].wall_time)
        assert late.on("streamsel/gate/image")[0].about["id"] == str(shown[-1].key)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_home_assistant_is_told_again_when_it_is_back(tmp_path: Path, broker: Broker) -> None:
    controls = SomeControls({"gate": (True, 5), "yard": (True, 6)})
    sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, discovery=True)
    topics = [config_topic(feed) for feed in controls.settings]
    with Subscriber(broker.port, *topics) as other:
        async with running(publisher):
            await until(lambda: all(other.on(topic) for topic in topics))
            async for _ in attempts_on_loop():
                if all(len(other.on(topic)) >= 2 for topic in topics):
                    break
                await asyncio.to_thread(other.say, "homeassistant/status", "offline")
                await asyncio.to_thread(other.say, "homeassistant/status", "online")
            assert all(len(other.on(topic)) >= 2 for topic in topics)
    assert publisher.counts.commands_refused == 0
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_the_one_device_of_earlier_versions_goes_before_the_new_ones_come(
    tmp_path: Path, broker: Broker
) -> None:
    with Subscriber(broker.port, "homeassistant/device/#") as other:
        await asyncio.to_thread(other.say, FORMER, '{"cmps": {}}', retain=True)
        await until(lambda: other.last(FORMER))
        sink, publisher = await opened(tmp_path / "outbox", broker.port, discovery=True)
        async with running(publisher):
            await until(lambda: other.last(config_topic("gate")))
        assert [got.topic for got in other.got] == [FORMER, FORMER, config_topic("gate")]
        assert other.last(FORMER) == b""
        await asyncio.to_thread(sink.close)
