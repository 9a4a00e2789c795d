"""What docs/reference/mqtt.md says is so."""

from __future__ import annotations

import asyncio
import json
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from streamsel.decisions import Kept
from streamsel.sinks.mqtt.counts import OutboxCounts
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
    MqttChoices,
    SomeControls,
    frame,
    on_a_loop,
    opened,
    running,
    status,
    update,
)
from tests.sinks.mqtt.subscriber import Subscriber

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "mqtt.md").read_text()


def test_the_examples_have_the_fields_that_are_sent() -> None:
    kept, feed, last, shown, stats = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    )
    writer = Writer(Topics("streamsel"), "builtin", "5d41402abc4b2a76", "jpg", stored=True)
    *_, event = writer.messages(update(frame(1)))
    made = json.loads(event.payload)
    assert list(kept) == list(made)
    assert kept["embedder"] == made["embedder"]
    change = update(frame(1)).verdicts[0].events[0]
    assert isinstance(change, Kept)
    assert list(last) == list(json.loads(last_payload(change)))
    down = status("down", since=1795342530.125, sessions=3)
    assert feed == json.loads(writer.feed_event(down).payload)
    assert list(shown) == list(json.loads(status_payload(down)))
    counted = Counter(kept=41, evicted=17, covered=905, refused=2210)
    counts = OutboxCounts(connected=True, delivered=117)
    assert stats == json.loads(stats_payload(1795342590.0, {"gate": counted}, counts))


@on_a_loop
async def test_the_access_list_is_all_that_is_needed_and_every_topic_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (listed,) = re.findall(r"^(    user edge\n.*?)^\S", PAGE, re.DOTALL | re.MULTILINE)
    acl = textwrap.dedent(listed).splitlines()
    users = {"edge": "one", "viewer": "two", "operator": "three"}
    controls = SomeControls()
    with (
        Broker(tmp_path / "b", users=users, acl=acl) as broker,
        Subscriber(broker.port, "streamsel/#", user="viewer", password="two") as viewer,
        Subscriber(broker.port, "streamsel/#", user="operator", password="three") as operator,
    ):
        login: MqttChoices = {"username": "edge", "password": "one", "discovery": True}
        sink, publisher = await opened(tmp_path / "outbox", broker.port, controls, **login)
        await asyncio.to_thread(sink.feed_changed, status())
        async with running(publisher):
            await asyncio.to_thread(sink.apply, update(frame(1)))
            await until(lambda: viewer.last("streamsel/gate/count/state") == b"300")
            async for _ in attempts_on_loop():
                if controls.settings["gate"] == (False, 200):
                    break
                await asyncio.to_thread(viewer.say, "streamsel/gate/count/set", "100")
                await asyncio.to_thread(operator.say, "streamsel/gate/count/set", "200")
                await asyncio.to_thread(operator.say, "streamsel/gate/enabled/set", "OFF")
                assert controls.settings["gate"][1] != 100
            assert controls.settings["gate"] == (False, 200)
            await until(lambda: publisher.counts.delivered == 3)
        await until(lambda: viewer.last("streamsel/available") == b"offline")
        heard = {got.topic.replace("/gate/", "/<feed>/") for got in viewer.got}
    assert publisher.counts.refused == {}
    assert "does not let us" not in caplog.text
    told = {match[1] for match in re.finditer(r"^\| `(\S+)` \|", PAGE, re.MULTILINE)}
    assert len(heard) >= 6
    assert heard <= told
    await asyncio.to_thread(sink.close)


def test_every_count_and_reason_is_told() -> None:
    for name in OutboxCounts.__dataclass_fields__:
        assert name in PAGE
    for reason in ("not-authorized", "too-large", "disconnects", "damaged", "expired"):
        assert f"`{reason}`" in PAGE
