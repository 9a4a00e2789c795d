"""Home Assistant discovery messages: one device per feed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from streamsel.bounds import MOST_FRAMES
from streamsel.json_text import json_text
from streamsel.sinks.mqtt.commands import OFF, ON
from streamsel.sinks.mqtt.payloads import Topics
from streamsel.version import __version__

# Empty for events that keep no frame of this feed; Home Assistant ignores empty text.
_KEPT = (
    "{%% if value_json.type == 'kept' and value_json.feed == %s %%}"
    "{{ {'event_type': 'kept', 'id': value_json.id, 'wall_time': value_json.wall_time, "
    "'distance': value_json.distance, 'nearest': value_json.nearest, "
    "'reason': value_json.reason, 'path': value_json.path} | to_json }}{%% endif %%}"
)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Discovery:
    """Home Assistant discovery messages of one service, one device per feed.

    ``page`` is the URL of the live page; None if unknown.
    """

    topics: Topics
    prefix: str
    content_type: str
    page: str | None = None

    @property
    def former(self) -> str:
        """Topic on which earlier versions described one device for all feeds; to be cleared."""
        return f"{self.prefix}/device/{self._service}/config"

    @property
    def birth(self) -> str:
        """Topic on which Home Assistant announces its start and expects discovery again."""
        return f"{self.prefix}/status"

    def topic(self, feed: str) -> str:
        """Return the retained discovery topic of a feed's device."""
        return f"{self.prefix}/device/{self._service}/{_safe(feed)}/config"

    def config(self, feed: str, shown: str) -> bytes:
        """Return the discovery message of a feed's device; ``shown`` is its name for people."""
        device = {
            "ids": [f"{self._service}_{_safe(feed)}"],
            "name": shown,
            "mf": "streamsel",
            "mdl": f"feed of {self.topics.prefix}",
            "sw": __version__,
        }
        return json_text(
            {
                "dev": device if self.page is None else {**device, "cu": self.page},
                "o": {"name": "streamsel", "sw": __version__},
                "avty": [{"t": self.topics.available}],
                "qos": 1,
                "cmps": self._parts(feed),
            },
            ascii_only=False,
            compact=True,
        ).encode()

    @property
    def _service(self) -> str:
        return _safe(self.topics.prefix)

    def _parts(self, feed: str) -> dict[str, dict[str, Any]]:
        """Return the components of a feed's device by name."""
        topics, name = self.topics, json_text(feed)  # a string literal of the template language
        parts: dict[str, dict[str, Any]] = {
            "image": {
                "p": "image",
                "name": "Last kept",
                "image_topic": topics.image(feed),
                "content_type": self.content_type,
            },
            "last": {
                "p": "sensor",
                "name": "Last kept",
                "device_class": "timestamp",
                "state_topic": topics.last(feed),
                "value_template": "{{ value_json.wall_time | as_datetime }}",
                "json_attributes_topic": topics.last(feed),
            },
            "event": {
                "p": "event",
                "name": "Kept",
                "event_types": ["kept"],
                "state_topic": topics.events,
                "value_template": _KEPT % name,
            },
            "connected": {
                "p": "binary_sensor",
                "name": "Connected",
                "device_class": "connectivity",
                "state_topic": topics.status(feed),
                "value_template": "{{ 'ON' if value_json.state in ('up', 'useless') else 'OFF' }}",
            },
            "enabled": {
                "p": "switch",
                "name": "Enabled",
                "command_topic": topics.set(feed, "enabled"),
                "state_topic": topics.state(feed, "enabled"),
                "payload_on": ON,
                "payload_off": OFF,
            },
            "count": {
                "p": "number",
                "name": "Count",
                "command_topic": topics.set(feed, "count"),
                "state_topic": topics.state(feed, "count"),
                "min": 1,
                "max": MOST_FRAMES,
                "mode": "box",
            },
            "kept": {
                "p": "sensor",
                "name": "Kept",
                "state_topic": topics.stats,
                "value_template": f"{{{{ value_json.feeds.get({name}, {{}}).get('kept') }}}}",
                "state_class": "total_increasing",
            },
        }
        return {
            part: {**of, "unique_id": f"{self._service}_{_safe(feed)}_{part}"}
            for part, of in parts.items()
        }


def _safe(name: str) -> str:
    """Return a unique name of letters, digits, - and _ for any name."""
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name else f"{safe}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
