"""A sink that prints the decisions of a service as JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from streamsel.decisions import FeedStatus, Kept, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.frame import FrameKey
from streamsel.json_text import json_text
from streamsel.record.folder import picture_path


class ConsoleSink:
    """Prints a line for each change of the kept set and of a feed's state; a ``LiveSink``.

    ``suffix`` is that of the picture files; None if pictures are not stored.
    """

    def __init__(self, to: TextIO, suffix: str | None) -> None:
        self._to = to
        self._suffix = suffix
        self._states: dict[str, str] = {}

    @property
    def name(self) -> str:
        """``console``."""
        return "console"

    @property
    def excess_bytes(self) -> int:
        """0: nothing is stored."""
        return 0

    def apply(self, update: SelectionUpdate) -> None:
        """Print a line for each event."""
        for event in update.events:
            frame = event.frame
            is_kept = isinstance(event, Kept)
            near = event.nearest if isinstance(event, Kept) else event.by
            stored = None if self._suffix is None else picture_path(frame, self._suffix)
            self._write(
                {
                    "type": "kept" if is_kept else "evicted",
                    "id": str(frame.key),
                    "feed": frame.key.feed,
                    "media_time": frame.media_time,
                    "wall_time": frame.wall_time,
                    "path": stored if is_kept else None,
                    "distance": event.distance,
                    "nearest": None if near is None else str(near),
                    "reason": event.reason,
                }
            )

    def feed_changed(self, status: FeedStatus) -> None:
        """Print a line if the feed's state has changed."""
        if self._states.get(status.feed) != status.state:
            self._states[status.feed] = status.state
            self._write(
                {
                    "type": "feed",
                    "feed": status.feed,
                    "state": status.state,
                    "reason": status.reason,
                    "wall_time": status.since,
                }
            )

    def tick(self) -> None:
        """Do nothing."""

    def lost(self) -> Sequence[FrameKey]:
        """Return nothing: this sink stores no pictures."""
        return ()

    def close(self) -> None:
        """Flush buffered lines."""
        self._to.flush()

    def _write(self, line: dict[str, object]) -> None:
        try:
            self._to.write(json_text(line) + "\n")
            self._to.flush()
        except OSError as error:
            # The service continues without a reader.
            raise SinkError(f"events: nobody reads them ({error.strerror})") from error
