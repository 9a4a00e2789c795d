"""Commands received over MQTT: enable a feed, change its count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from streamsel.bounds import require_count
from streamsel.errors import ConfigurationError
from streamsel.sinks.mqtt.payloads import Topics

SETTINGS = ("enabled", "count")

ON, OFF = "ON", "OFF"

_MOST_BYTES = 32
_SWITCH = {"on": True, "true": True, "off": False, "false": False}
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)


class Controls(Protocol):
    """The operations behind commands; called on the event loop, must not block.

    The service, above the sinks, implements them.
    """

    def feeds(self) -> Mapping[str, tuple[bool, int]]:
        """Each feed of the service: whether it is enabled, and its maximum number of frames.

        Retained topics of any other feed are cleared.
        """

    def display_name(self, feed: str) -> str:
        """Return the name of a feed for people."""

    async def set_enabled(self, feed: str, enabled: bool) -> None:
        """Enable or disable a feed. Raises :class:`ConfigurationError` if that is not possible."""

    async def set_count(self, feed: str, count: int) -> None:
        """Change a feed's maximum number of frames. Raises :class:`ConfigurationError`."""


@dataclass(frozen=True, slots=True)
class SetEnabled:
    """A command: enable or disable a feed."""

    feed: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class SetCount:
    """A command: change a feed's maximum number of frames."""

    feed: str
    count: int


Command: TypeAlias = SetEnabled | SetCount


def read_command(topics: Topics, topic: str, payload: bytes) -> Command:
    """Parse a message. Raises :class:`ConfigurationError` for an invalid command.

    >>> read_command(Topics("streamsel"), "streamsel/gate/enabled/set", b"OFF")
    SetEnabled(feed='gate', enabled=False)
    """
    feed, setting = topics.command(topic)
    text = payload[:_MOST_BYTES].decode(errors="replace").strip()
    if setting == "enabled":
        if (enabled := _SWITCH.get(text.lower())) is None:
            raise ConfigurationError(f"{topic}: {text!r} is neither {ON} nor {OFF}")
        return SetEnabled(feed, enabled)
    return SetCount(feed, require_count(int(text) if _WHOLE.fullmatch(text) else text, topic))


async def obey(command: Command, controls: Controls) -> None:
    """Execute a command. Raises :class:`ConfigurationError` if that is not possible."""
    if command.feed not in controls.feeds():
        raise ConfigurationError(f"there is no feed {command.feed!r}")
    if isinstance(command, SetEnabled):
        await controls.set_enabled(command.feed, command.enabled)
    else:
        await controls.set_count(command.feed, command.count)


def states(topics: Topics, feeds: Mapping[str, tuple[bool, int]]) -> dict[str, bytes]:
    """Return the retained topics with the settings of all feeds."""
    found = {}
    for feed, (enabled, count) in feeds.items():
        found[topics.state(feed, "enabled")] = (ON if enabled else OFF).encode()
        if count:  # a feed that keeps a share has none
            found[topics.state(feed, "count")] = str(count).encode()
    return found
