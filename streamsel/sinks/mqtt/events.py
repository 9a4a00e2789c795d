"""What consumers read: events, statuses and statistics as JSON, pictures as they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256

from streamsel.decisions import Event, FeedStatus, Judgement, Kept
from streamsel.frame import FrameKey
from streamsel.record.folder import picture_path
from streamsel.sinks.mqtt.counts import OutboxCounts
from streamsel.sinks.mqtt.message import Message
from streamsel.sinks.mqtt.topics import Topics

SCHEMA = 1
"""Goes up when a field is taken away or changes its meaning; fields may be added without."""

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
}
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Writer:
    """Puts decisions into messages; the same decision always gives the same message.

    ``stored``: pictures are on a disk too, so that events name their path.
    """

    topics: Topics
    embedder: str
    embedder_digest: str
    image_format: str
    stored: bool

    def messages(self, judgement: Judgement) -> Iterator[Message]:
        """Yield the messages of a judgement in order, a picture before the event that names it."""
        for event in judgement.events:
            if isinstance(event, Kept):
                yield from self._image(event)
            yield self._event(event)

    def feed_event(self, status: FeedStatus) -> Message:
        """Return the event that says a feed is in another state."""
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
                CONTENT_TYPES[self.image_format],
                encoded.content,
            )

    def _event(self, event: Event) -> Message:
        frame, kept = event.frame, isinstance(event, Kept)
        encoded = frame.picture.encoded
        nearest = event.nearest if isinstance(event, Kept) else event.by
        kind, identifier = "kept" if kept else "evicted", str(frame.key)
        content = _blank(kind, identifier, frame.key.feed) | {
            "media_time": frame.media_time,
            "wall_time": frame.wall_time,
            "path": picture_path(frame, self.image_format) if self.stored else None,
            "sha256": None if encoded is None else sha256(encoded.content).hexdigest(),
            "distance": None if event.distance is None else float(event.distance),
            "nearest": _name(nearest),
            "reason": event.reason,
            "embedder": {"name": self.embedder, "digest": self.embedder_digest},
        }
        return Message(
            f"{kind}/{identifier}", identifier, self.topics.events, _JSON, _as_json(content)
        )


def last_payload(event: Kept) -> bytes:
    """Return the retained note of the frame that its feed kept last."""
    frame = event.frame
    return _as_json(
        {
            "schema": SCHEMA,
            "id": str(frame.key),
            "feed": frame.key.feed,
            "media_time": frame.media_time,
            "wall_time": frame.wall_time,
            "distance": None if event.distance is None else float(event.distance),
            "nearest": _name(event.nearest),
            "reason": event.reason,
        }
    )


def status_payload(status: FeedStatus) -> bytes:
    """Return the retained status of a feed."""
    return _as_json({"schema": SCHEMA, **asdict(status)})


def stats_payload(wall: float, feeds: Mapping[str, Counter[str]], outbox: OutboxCounts) -> bytes:
    """Return the statistics: for each feed the frames by what became of them, and the outbox."""
    return _as_json({"schema": SCHEMA, "wall_time": wall, "feeds": feeds, "outbox": asdict(outbox)})


def _blank(kind: str, identifier: str, feed: str) -> dict[str, object]:
    """Return all fields that every event has, in the order in which they are told."""
    names = ("media_time", "wall_time", "path", "sha256", "distance", "nearest", "reason")
    return {
        "schema": SCHEMA,
        "type": kind,
        "id": identifier,
        "feed": feed,
        **dict.fromkeys(names),
        "embedder": None,
    }


def _name(key: FrameKey | None) -> str | None:
    return None if key is None else str(key)


def _as_json(content: Mapping[str, object]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="replace")
