"""The page about Home Assistant speaks of what the service announces there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.topics import Topics

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "home-assistant.md").read_text()


def test_its_entities_are_those_that_are_announced() -> None:
    discovery = Discovery(Topics("streamsel"), "homeassistant", "image/jpeg")
    device = json.loads(discovery.config({"gate": "gate"}, []))
    name = device["dev"]["name"]
    made = {
        f"{part['p']}.{name}_{part['name'].replace(' ', '_')}" for part in device["cmps"].values()
    }
    told = re.findall(r"\b((?:image|binary_sensor|switch|number|sensor)\.streamsel_\w+)", PAGE)
    assert set(told) == made
    assert discovery.topic in {"homeassistant/device/streamsel/config"}
    assert "'homeassistant/device/+/config'" in PAGE


def test_its_automation_hears_the_topic_of_events() -> None:
    assert f"topic: {Topics('streamsel').events}\n" in PAGE
