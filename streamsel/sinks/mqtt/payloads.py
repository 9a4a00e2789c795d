"""MQTT messages: topics, JSON and picture payloads, packet sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from streamsel.choices import MEDIA_TYPES, ImageFormat
from streamsel.decisions import Event, FeedStatus, Kept, SelectionUpdate
from streamsel.errors import ConfigurationError
from streamsel.json_text import json_text
from streamsel.record.folder import picture_path
from streamsel.sinks.event_fields import event_fields
from streamsel.sinks.mqtt.counts import OutboxCounts

SCHEMA = 1
"""Version of the payloads; raised when a field is removed or changes its meaning."""

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Writer:
    """Converts decisions to messages, deterministically.

    ``stored``: pictures are also on disk, so that events contain their paths.
    """

    topics: Topics
    embedder: str
    embedder_digest: str
    image_format: ImageFormat
    stored: bool

    def messages(self, update: SelectionUpdate) -> Iterator[Message]:
        """Yield the messages of an update in order, a picture before the event that names it."""
        for event in update.events:
            if isinstance(event, Kept):
                yield from self._image(event)
            yield self._event(event)

    def feed_event(self, status: FeedStatus) -> Message:
        """Return the event for a new state of a feed."""
        identifier = f"{status.feed}/{status.state}/{status.since:.3f}"
        content = _blank("feed", identifier, status.feed) | {
            "wall_time": status.since,
            "reason": status.reason,
            "state": status.state,
            "sessions": status.sessions,
        }
        return Message(
            f"feed/{identifier}", identifier, self.topics.events, _JSON, _as_json(content)
        )

    def _image(self, event: Kept) -> Iterator[Message]:
        encoded = event.frame.picture.encoded
        if encoded is not None:
            key = event.frame.key
            yield Message(
                f"image/{key}",
                str(key),
                self.topics.image(key.feed),
                MEDIA_TYPES[self.image_format],
                encoded.content,
            )

    def _event(self, event: Event) -> Message:
        frame, encoded = event.frame, event.frame.picture.encoded
        kind, identifier = "kept" if isinstance(event, Kept) else "evicted", str(frame.key)
        path = picture_path(frame, self.image_format) if self.stored else None
        content = _blank(kind, identifier, frame.key.feed) | event_fields(event, path)
        content |= {
            "sha256": None if encoded is None else sha256(encoded.content).hexdigest(),
            "embedder": {"name": self.embedder, "digest": self.embedder_digest},
        }
        return Message(
            f"{kind}/{identifier}", identifier, self.topics.events, _JSON, _as_json(content)
        )


def last_payload(event: Kept) -> bytes:
    """Return the retained message for the latest kept frame of a feed."""
    fields = event_fields(event, None)
    del fields["path"]
    return _as_json({"schema": SCHEMA, **fields})


def status_payload(status: FeedStatus) -> bytes:
    """Return the retained status of a feed."""
    return _as_json({"schema": SCHEMA, **asdict(status)})


def stats_payload(wall: float, feeds: Mapping[str, Counter[str]], outbox: OutboxCounts) -> bytes:
    """Return the statistics: frame counts of each feed by outcome, and the outbox."""
    return _as_json({"schema": SCHEMA, "wall_time": wall, "feeds": feeds, "outbox": asdict(outbox)})


def _blank(kind: str, identifier: str, feed: str) -> dict[str, object]:
    """Return all fields that every event has, in their published order."""
    names = ("media_time", "wall_time", "path", "sha256", "distance", "nearest", "reason")
    return {
        "schema": SCHEMA,
        "type": kind,
        "id": identifier,
        "feed": feed,
        **dict.fromkeys(names),
        "embedder": None,
    }


def _as_json(content: Mapping[str, object]) -> bytes:
    return json_text(content, compact=True, ascii_only=False).encode(errors="replace")


MOST_PACKET_BYTES = 268_435_455 + 5
"""The largest packet of the protocol, including the fixed header of five bytes."""

new_properties: Callable[[int], Properties] = Properties  # paho leaves it without types

_FIXED_BYTES = 5 + 2 + 2
"""Maximum size of type and length, topic length and packet identifier."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to deliver at least once.

    ``key`` identifies it: a new message with the same key replaces a waiting one. ``id`` is its
    subject, e.g. a frame's id.
    """

    key: str
    id: str
    topic: str
    content_type: str
    payload: bytes = field(repr=False)

    @property
    def is_retained(self) -> bool:
        """Whether the broker retains it: the newest picture of each feed."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message from the outbox: ``seq`` is its position, ``created`` UTC epoch seconds."""

    seq: int
    created: float
    message: Message


def publish_properties(message: Message, expiry: int | None) -> Properties:
    """Return the MQTT properties of a message; ``expiry`` is seconds from now, None: never."""
    properties = new_properties(PacketTypes.PUBLISH)
    properties.ContentType = message.content_type
    properties.UserProperty = [("id", message.id), ("message", message.key)]
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    return properties


def packet_bytes(message: Message, properties: Properties) -> int:
    """Return an upper bound of a message's packet size, at most three bytes too large."""
    pack: Callable[[], bytes] = properties.pack
    return _FIXED_BYTES + len(message.topic.encode()) + len(pack()) + len(message.payload)


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one service.

    >>> topics = Topics("streamsel")
    >>> topics.image("gate")
    'streamsel/gate/image'
    >>> topics.command("streamsel/gate/count/set")
    ('gate', 'count')
    """

    prefix: str

    @property
    def available(self) -> str:
        """Retained: ``online``, or ``offline`` by the broker as our will."""
        return f"{self.prefix}/available"

    @property
    def events(self) -> str:
        """Every change of the kept set, and of a feed's state."""
        return f"{self.prefix}/events"

    @property
    def stats(self) -> str:
        """Statistics, every minute."""
        return f"{self.prefix}/stats"

    def image(self, feed: str) -> str:
        """Retained: the latest kept picture."""
        return self._of(feed, "image")

    def status(self, feed: str) -> str:
        """Retained: the status of the feed."""
        return self._of(feed, "status")

    def last(self, feed: str) -> str:
        """Retained: the latest kept frame."""
        return self._of(feed, "last")

    def state(self, feed: str, setting: str) -> str:
        """Retained: the current value of a setting, ``enabled`` or ``count``."""
        return self._of(feed, f"{setting}/state")

    def set(self, feed: str, setting: str) -> str:
        """Return the command topic of a setting; with ``+`` as feed, the filter for all feeds."""
        return f"{self.prefix}/+/{setting}/set" if feed == "+" else self._of(feed, f"{setting}/set")

    def command(self, topic: str) -> tuple[str, str]:
        """Split a command topic into feed and setting."""
        feed, setting, _ = topic.removeprefix(f"{self.prefix}/").split("/")
        return feed, setting

    def _of(self, feed: str, rest: str) -> str:
        if not feed or any(queued in feed for queued in "/+#\0"):
            raise ConfigurationError(
                f"feed {feed!r} cannot be part of an MQTT topic; leave out /, + and #"
            )
        return f"{self.prefix}/{feed}/{rest}"
