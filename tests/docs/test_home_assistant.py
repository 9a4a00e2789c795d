"""The page about Home Assistant speaks of what the service announces there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.payloads import Topics

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "home-assistant.md").read_text()


def test_its_entities_are_those_that_are_announced() -> None:
    discovery = Discovery(Topics("streamsel"), "homeassistant", "image/jpeg")
    device = json.loads(discovery.config("gate", "gate"))
    made = {
        f"{part['p']}.gate_{part['name'].lower().replace(' ', '_')}"
        for part in device["cmps"].values()
    }
    told = re.findall(r"\b((?:image|event|binary_sensor|switch|number|sensor)\.gate_\w+)", PAGE)
    assert set(told) == made
    assert discovery.topic("gate") == "homeassistant/device/streamsel/gate/config"
    assert "'homeassistant/device/streamsel/+/config'" in PAGE


def test_its_automation_reads_what_the_event_has() -> None:
    discovery = Discovery(Topics("streamsel"), "homeassistant", "image/jpeg")
    event = json.loads(discovery.config("gate", "gate"))["cmps"]["event"]
    for attribute in re.findall(r"to_state\.attributes\.(\w+)", PAGE):
        assert f"'{attribute}': value_json.{attribute}" in event["value_template"]
