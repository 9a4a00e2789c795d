"""What an update becomes, read from the outbox as the publisher reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from streamsel.errors import ConfigurationError, SinkError
from streamsel.record.folder import picture_path
from streamsel.sinks.mqtt.payloads import Topics, Writer
from streamsel.sinks.mqtt.retained import RetainedState
from streamsel.sinks.mqtt.sink import MqttSink
from tests.sinks.mqtt.lines import (
    OpenOutbox,
    SomeControls,
    content_of,
    frame,
    open_line,
    open_outbox,
    status,
    update,
)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[OpenOutbox]:
    line = open_outbox(tmp_path)
    yield line
    line.close()


def sink_of(
    line: OpenOutbox, retained: RetainedState | None = None, stored: bool = True
) -> MqttSink:
    writer = Writer(Topics("streamsel"), "made", "00ff", "jpg", stored)
    return MqttSink(line.outbox, retained or RetainedState(), line.counter, writer, line.clock)


def test_a_kept_frame_is_its_picture_and_then_its_event(line: OpenOutbox) -> None:
    first, second = frame(1), frame(2)
    sink_of(line).apply(update(first, second, evicted=first))
    image, kept, _, again, gone = line.waiting()

    assert image.topic == "streamsel/gate/image"
    assert image.content_type == "image/jpeg"
    assert image.payload == content_of(first)
    assert image.id == "gate-000001"
    assert {kept.topic, again.topic, gone.topic} == {"streamsel/events"}
    assert json.loads(kept.payload) == {
        "schema": 1,
        "type": "kept",
        "id": "gate-000001",
        "feed": "gate",
        "media_time": 0.04,
        "wall_time": 1_800_000_001.125,
        "path": picture_path(first, "jpg"),
        "sha256": sha256(content_of(first)).hexdigest(),
        "distance": None,
        "nearest": None,
        "reason": "novel",
        "embedder": {"name": "made", "digest": "00ff"},
    }
    told = json.loads(again.payload)
    assert (told["id"], told["distance"], told["nearest"]) == ("gate-000002", 0.25, "gate-000001")
    told = json.loads(gone.payload)
    assert told["type"] == "evicted"
    assert (told["id"], told["distance"], told["nearest"]) == ("gate-000001", 0.125, "gate-000002")
    assert told["reason"] == "closest-pair"
    assert gone.id == "gate-000001"
    assert gone.key != kept.key


def test_without_a_disk_there_is_no_path_and_without_a_picture_no_digest(line: OpenOutbox) -> None:
    sink_of(line, stored=False).apply(update(frame(1, size=0)))
    (kept,) = line.waiting()
    told = json.loads(kept.payload)
    assert (told["path"], told["sha256"]) == (None, None)


def test_a_judgement_applied_again_is_there_once(line: OpenOutbox) -> None:
    sink = sink_of(line)
    for _ in range(3):
        sink.apply(update(frame(1), frame(2)))
    assert len(line.waiting()) == line.counter.counts().pending == 4


def test_a_judgement_that_does_not_fit_leaves_nothing_and_is_taken_later(tmp_path: Path) -> None:
    line = open_outbox(tmp_path / "small", max_messages=5)
    sink = sink_of(line)
    sink.apply(update(frame(1), frame(2)))
    with pytest.raises(SinkError, match="the outbox is full"):
        sink.apply(update(frame(3), frame(4)))
    assert len(line.waiting()) == 4
    line.settle()
    sink.apply(update(frame(3), frame(4)))
    assert [one.id for one in line.waiting()] == ["gate-000003"] * 2 + ["gate-000004"] * 2
    line.close()


def test_a_frame_kept_evicted_and_kept_again_ends_kept(line: OpenOutbox) -> None:
    sink, one, other = sink_of(line), frame(1), frame(2)
    sink.apply(update(one))
    sink.apply(update(other, evicted=one))
    sink.apply(update(one, evicted=other))
    state = {}
    for message in line.waiting():
        if message.topic == "streamsel/events":
            told = json.loads(message.payload)
            state[told["id"]] = told["type"]
    assert state == {"gate-000001": "kept", "gate-000002": "evicted"}


def test_nothing_is_sent_of_a_frame_that_changed_nothing(line: OpenOutbox) -> None:
    sink_of(line).apply(update(frame(1), outcome="covered"))
    assert line.waiting() == []


def test_the_status_is_posted_each_time_and_an_event_only_where_the_state_changes(
    line: OpenOutbox,
) -> None:
    retained = RetainedState()
    sink = sink_of(line, retained)
    sink.feed_changed(status("connecting"))
    sink.feed_changed(status("up"))
    told = [json.loads(message.payload) for message in line.waiting()]
    line.settle()
    sink.feed_changed(status("up", sessions=2))
    assert line.waiting() == []
    sink.feed_changed(status("down"))
    posted = json.loads(retained.statuses()["gate"])
    assert posted == {
        "schema": 1,
        "feed": "gate",
        "address": "rtsp://cam:***@10.0.0.4/main",
        "state": "down",
        "reason": "no picture for 10 s",
        "since": 1_800_000_000.5,
        "sessions": 1,
        "last_frame": None,
        "scope": "gate",
        "fault": None,
        "fixed": None,
    }
    told += [json.loads(message.payload) for message in line.waiting()]
    assert [(one["type"], one["state"]) for one in told] == [
        ("feed", "connecting"),
        ("feed", "up"),
        ("feed", "down"),
    ]
    assert len({one["id"] for one in told}) == 3
    assert set(told[0]) - {"state", "sessions"} == set(kept_fields(line, sink))


def kept_fields(line: OpenOutbox, sink: MqttSink) -> dict[str, Any]:
    line.settle()
    sink.apply(update(frame(9, size=0)))
    fields: dict[str, Any] = json.loads(line.waiting()[0].payload)
    return fields


def test_feeds_that_flap_leave_room_for_what_matters(tmp_path: Path) -> None:
    line = open_outbox(tmp_path / "small", max_messages=20)
    sink = sink_of(line)
    for number in range(50):
        sink.feed_changed(status("down" if number % 2 else "up", since=float(number)))
    sink.apply(update(*(frame(number) for number in range(5))))
    counts = line.counter.counts()
    assert (counts.pending, counts.dropped) == (20, 40)
    line.close()


def test_statistics_are_posted_every_minute(line: OpenOutbox) -> None:
    retained = RetainedState()
    sink = sink_of(line, retained)
    sink.apply(update(frame(1), frame(2), evicted=frame(1)))
    sink.apply(update(frame(3), outcome="covered"))
    sink.apply(update(frame(1, feed="yard")))
    sink.tick()
    assert retained.take_stats() is None
    line.clock.advance(60)
    sink.tick()
    payload = retained.take_stats()
    assert payload is not None
    stats = json.loads(payload)
    assert stats["schema"] == 1
    assert stats["wall_time"] == 1_800_000_060
    assert stats["feeds"] == {
        "gate": dict(Counter(kept=2, evicted=1, covered=1, refused=0)),
        "yard": dict(Counter(kept=1, evicted=0, covered=0, refused=0)),
    }
    assert stats["outbox"]["pending"] == 7
    assert retained.take_stats() is None


def test_a_feed_that_no_topic_can_hold_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'a/b' cannot be part of an MQTT topic"):
        open_line(tmp_path, 1883, SomeControls({"a/b": (True, 1)}))
