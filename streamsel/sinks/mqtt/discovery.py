"""What Home Assistant is told, so that it shows the feeds by itself: one device, all its parts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from streamsel.sinks.mqtt.commands import OFF, ON
from streamsel.sinks.mqtt.topics import Topics
from streamsel.version import __version__

MOST_COUNT = 100_000
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Discovery:
    """The device of one service, as Home Assistant's MQTT device discovery wants it."""

    topics: Topics
    prefix: str
    content_type: str

    @property
    def topic(self) -> str:
        """Where the device is described, retained."""
        return f"{self.prefix}/device/{self._device}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it is back and wants to be told again."""
        return f"{self.prefix}/status"

    def config(self, feeds: Mapping[str, str], gone: Collection[str]) -> bytes:
        """Describe the device with its feeds, by name, and what people call each.

        Parts of feeds that are gone are to be removed.
        """
        parts: dict[str, Any] = {}
        for feed in sorted(gone):
            parts |= {name: {"p": part["p"]} for name, part in self._parts(feed, feed).items()}
        for feed, shown in sorted(feeds.items()):
            parts |= self._parts(feed, shown)
        return json.dumps(
            {
                "dev": {
                    "ids": [self._device],
                    "name": self.topics.prefix,
                    "mf": "streamsel",
                    "sw": __version__,
                },
                "o": {"name": "streamsel", "sw": __version__},
                "avty": [{"t": self.topics.available}],
                "qos": 1,
                "cmps": parts,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()

    @property
    def _device(self) -> str:
        return _safe(self.topics.prefix)

    def _parts(self, feed: str, shown: str) -> dict[str, dict[str, Any]]:
        """Return the parts of one feed by their name within the device."""
        topics, name = self.topics, json.dumps(feed)  # a string literal of the template language
        parts: dict[str, dict[str, Any]] = {
            "image": {
                "p": "image",
                "name": f"{shown} last kept",
                "image_topic": topics.image(feed),
                "content_type": self.content_type,
            },
            "connected": {
                "p": "binary_sensor",
                "name": f"{shown} connected",
                "device_class": "connectivity",
                "state_topic": topics.status(feed),
                "value_template": "{{ 'ON' if value_json.state == 'up' else 'OFF' }}",
            },
            "enabled": {
                "p": "switch",
                "name": f"{shown} enabled",
                "command_topic": topics.set(feed, "enabled"),
                "state_topic": topics.state(feed, "enabled"),
                "payload_on": ON,
                "payload_off": OFF,
            },
            "count": {
                "p": "number",
                "name": f"{shown} count",
                "command_topic": topics.set(feed, "count"),
                "state_topic": topics.state(feed, "count"),
                "min": 1,
                "max": MOST_COUNT,
                "mode": "box",
            },
            "kept": {
                "p": "sensor",
                "name": f"{shown} kept",
                "state_topic": topics.stats,
                "value_template": f"{{{{ value_json.feeds.get({name}, {{}}).get('kept') }}}}",
                "state_class": "total_increasing",
            },
        }
        return {
            f"{_safe(feed)}_{part}": {**of, "unique_id": f"{self._device}_{_safe(feed)}_{part}"}
            for part, of in parts.items()
        }


def _safe(name: str) -> str:
    """Return a name of letters, digits, - and _ alone, another for each other name."""
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name else f"{safe}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
