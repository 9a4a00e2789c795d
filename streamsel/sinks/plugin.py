"""A sink that another package adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.decisions import FeedStatus, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.frame import FrameKey
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
    """Passes updates to a plug-in, under the plug-in's name; a ``LiveSink``.

    Whatever the plug-in raises becomes a :class:`SinkError` that names its package, so that the
    update is tried again and nothing else is disturbed.
    """

    def __init__(self, plugin: Plugin, sink: AddedSink) -> None:
        self._plugin = plugin
        self._sink = sink

    @property
    def name(self) -> str:
        """The plug-in's name."""
        return self._plugin.name

    @property
    def excess_bytes(self) -> int:
        """0: a plug-in has no budget here."""
        return 0

    def apply(self, update: SelectionUpdate) -> None:
        """Apply an update. Raises :class:`SinkError`."""
        with self._plugin.blamed(SinkError, "failed"):
            self._sink.apply(update)

    def feed_changed(self, status: FeedStatus) -> None:
        """Ignored: plug-ins receive changes of the kept set only."""

    def tick(self) -> None:
        """Do nothing."""

    def lost(self) -> Sequence[FrameKey]:
        """Return nothing: the disk stores the pictures."""
        return ()

    def close(self) -> None:
        """Close the plug-in. Raises :class:`SinkError`."""
        with self._plugin.blamed(SinkError, "cannot be closed"):
            self._sink.close()
