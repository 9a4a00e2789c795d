"""The fields that every sink gives an event as JSON."""

from __future__ import annotations

from streamsel.decisions import Event, Kept


def event_fields(event: Event, path: str | None) -> dict[str, object]:
    """Return the fields of an event in their published order.

    ``path`` is that of the frame's picture, relative to the folder; None if it is not stored.
    """
    frame = event.frame
    nearest = event.nearest if isinstance(event, Kept) else event.by
    return {
        "id": str(frame.key),
        "feed": frame.key.feed,
        "media_time": frame.media_time,
        "wall_time": frame.wall_time,
        "path": path,
        "distance": None if event.distance is None else float(event.distance),
        "nearest": None if nearest is None else str(nearest),
        "reason": event.reason,
    }
