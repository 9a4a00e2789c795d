"""A message on its way to the broker, and how large it is as a packet of MQTT 5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOST_PACKET_BYTES = 268_435_455 + 5
"""The largest packet that the protocol can say the length of, with its first five bytes."""

new_properties: Callable[[int], Properties] = Properties  # paho leaves it without types

_FIXED_BYTES = 5 + 2 + 2
"""Type and length of a packet at most, length of its topic, packet identifier."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be delivered, at least once.

    ``key`` names it for ever: put again, it takes the place of the one that still waits. ``id``
    is what it is about, e.g. a frame's id.
    """

    key: str
    id: str
    topic: str
    content_type: str
    payload: bytes = field(repr=False)

    @property
    def is_retained(self) -> bool:
        """Whether the broker keeps it for who comes later: the newest picture of each feed."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message taken from the outbox: ``seq`` is its place, ``created`` UTC epoch seconds."""

    seq: int
    created: float
    message: Message


def publish_properties(message: Message, expiry: int | None) -> Properties:
    """Return what travels beside the payload; ``expiry`` is seconds from now, None: never."""
    properties = new_properties(PacketTypes.PUBLISH)
    properties.ContentType = message.content_type
    properties.UserProperty = [("id", message.id), ("message", message.key)]
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    return properties


def packet_bytes(message: Message, properties: Properties) -> int:
    """Bound the bytes of the packet that carries a message; exact but for three bytes."""
    pack: Callable[[], bytes] = properties.pack
    return _FIXED_BYTES + len(message.topic.encode()) + len(pack()) + len(message.payload)
