"""Topics of one service."""

from __future__ import annotations

import pytest

from streamsel.errors import ConfigurationError
from streamsel.sinks.mqtt.payloads import Topics

TOPICS = Topics("home/cameras")


@pytest.mark.parametrize("setting", ["enabled", "count"])
def test_a_command_comes_back_to_its_feed(setting: str) -> None:
    topic = TOPICS.set("gate", setting)
    assert topic == f"home/cameras/gate/{setting}/set"
    assert TOPICS.command(topic) == ("gate", setting)
    assert TOPICS.set("+", setting) == f"home/cameras/+/{setting}/set"
    assert TOPICS.state("gate", setting) == f"home/cameras/gate/{setting}/state"


@pytest.mark.parametrize("feed", ["", "a/b", "a+", "#", "a\0b", "+"])
def test_a_feed_that_would_be_another_topic_is_refused(feed: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be part of an MQTT topic"):
        TOPICS.last(feed)
