"""A sink that another package adds."""

from __future__ import annotations

from typing import Protocol

from streamsel.decisions import SelectionUpdate
from streamsel.errors import SinkError
from streamsel.plugins import Plugin

RESERVED = ("disk", "mqtt", "clips", "events", "inbox", "embed", "judge", "encode", "other")
"""Names that plug-ins cannot have, because metrics and messages use them for other things."""


class AddedSink(Protocol):
    """What a plug-in's factory must return."""

    def apply(self, update: SelectionUpdate) -> None:
        """Store or send an update as a whole; what it raises makes the caller try again."""

    def close(self) -> None:
        """Release all resources; no further call follows."""


class PluginSink:
    """Passes updates to a plug-in, under the plug-in's name.

    Whatever the plug-in raises becomes a :class:`SinkError` that names its package, so that the
    update is tried again and nothing else is disturbed.
    """

    def __init__(self, plugin: Plugin, sink: AddedSink) -> None:
        self._plugin = plugin
        self._sink = sink
        self._is_closed = False

    @property
    def name(self) -> str:
        """The plug-in's name."""
        return self._plugin.name

    def apply(self, update: SelectionUpdate) -> None:
        """Apply an update. Raises :class:`SinkError`."""
        with self._plugin.blamed(SinkError, "failed"):
            self._sink.apply(update)

    def close(self) -> None:
        """Close the plug-in once. Raises :class:`SinkError`."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._plugin.blamed(SinkError, "cannot be closed"):
            self._sink.close()
