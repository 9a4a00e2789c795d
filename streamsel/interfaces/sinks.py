"""Seams of sinks: they store or send kept frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.decisions import FeedReport, FeedStatus, SelectionUpdate, Verdict
from streamsel.frame import Frame, FrameKey


class Sink(Protocol):
    """Stores or sends the decisions of a file run. Idempotent by frame key."""

    def write(self, verdicts: Sequence[Verdict]) -> None:
        """Record verdicts and act on their events. Raises :class:`SinkError`."""

    def feed_ended(self, report: FeedReport) -> None:
        """Record the end of a feed. Verdicts of its last frames may still follow."""

    def missing(self) -> Sequence[FrameKey]:
        """Return the kept frames without a picture, because it was dropped on the way."""

    def supply(self, frame: Frame) -> None:
        """Store the picture of a frame returned by :meth:`missing`."""

    def close(self, complete: bool) -> None:
        """Flush pending writes. ``complete`` is False if the run was interrupted."""


class LiveSink(Protocol):
    """Stores or sends the decisions of a service. Idempotent by frame key."""

    @property
    def name(self) -> str:
        """Name in messages and metrics, e.g. ``disk``."""

    def apply(self, update: SelectionUpdate) -> None:
        """Apply an update as a whole.

        Pictures of kept frames are encoded already; a frame without one lost it on the way. Raises
        :class:`SinkError`, leaving nothing that a second call does not repair; the caller then
        retries the same update before anything else.
        """

    def feed_changed(self, status: FeedStatus) -> None:
        """Record the new status of a feed."""

    def tick(self) -> None:
        """Do periodic work; called about every half second. Raises :class:`SinkError`."""

    def lost(self) -> Sequence[FrameKey]:
        """Return the kept frames given up since the last call, because their picture is not stored.

        A recalled frame comes without its picture; if the sink retained it, see
        ``SelectionUpdate.recallable``, the frame is not lost.
        """

    @property
    def excess_bytes(self) -> int:
        """Bytes by which the stored pictures exceed the budget; 0 if they do not."""

    def close(self) -> None:
        """Flush pending writes (about two seconds at most) and release all resources."""
