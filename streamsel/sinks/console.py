"""A sink that prints the decisions of a service as JSON lines."""

from __future__ import annotations

from typing import TextIO

from streamsel.decisions import Event, FeedStatus, Kept, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.json_text import json_text
from streamsel.record.folder import picture_path
from streamsel.sinks.event_fields import event_fields


class ConsoleSink:
    """Prints a line for each change of the kept set and of a feed's state.

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

    def apply(self, update: SelectionUpdate) -> None:
        """Print a line for each event."""
        self._write(*map(self._line, update.events))

    def feed_changed(self, status: FeedStatus) -> None:
        """Print a line if the feed's state has changed."""
        if self._states.get(status.feed) != status.state:
            self._write(
                {
                    "type": "feed",
                    "feed": status.feed,
                    "state": status.state,
                    "reason": status.reason,
                    "wall_time": status.since,
                }
            )
            self._states[status.feed] = status.state

    def close(self) -> None:
        """Flush buffered lines."""
        self._write()

    def _line(self, event: Event) -> dict[str, object]:
        if not isinstance(event, Kept):
            return {"type": "evicted", **event_fields(event, None)}
        path = None if self._suffix is None else picture_path(event.frame, self._suffix)
        return {"type": "kept", **event_fields(event, path)}

    def _write(self, *lines: dict[str, object]) -> None:
        try:
            self._to.write("".join(json_text(line) + "\n" for line in lines))
            self._to.flush()
        except OSError as error:
            # The service continues without a reader.
            raise SinkError(f"events: nobody reads them ({error.strerror})") from error
