"""Seams of sinks: they store or send kept frames.

Every sink has the three methods of :class:`Sink`. What only some of them do is a capability, with a
protocol of its own. The driver of a sink looks for its capabilities once, before the first update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from streamsel.decisions import FeedReport, FeedStatus, SelectionUpdate
from streamsel.frame import Frame, FrameKey


class Sink(Protocol):
    """Stores or sends decisions. One thread at a time."""

    @property
    def name(self) -> str:
        """Name in messages and metrics, e.g. ``disk``."""

    def apply(self, update: SelectionUpdate) -> None:
        """Apply an update as a whole.

        In a service the pictures of kept frames are encoded already, and a frame without one lost
        it on the way. In a file run they are decoded, or missing for now. Raises
        :class:`SinkError`, leaving nothing that a second call with the same update does not repair.
        A service repeats the call before anything else; a file run ends.
        """

    def close(self) -> None:
        """Flush pending writes (about two seconds at most) and release all resources.

        Further calls do nothing. Raises :class:`SinkError`.
        """


@runtime_checkable
class FollowsRun(Protocol):
    """Records how a file run proceeds."""

    def feed_ended(self, report: FeedReport) -> None:
        """Record the end of a feed. Verdicts of its last frames may still follow."""

    def run_ended(self) -> None:
        """Note that everything was read and applied; without this call the run was interrupted."""


@runtime_checkable
class FetchesMissing(Protocol):
    """Stores the pictures of a file run that were dropped on the way: they are decoded again."""

    def missing(self) -> Sequence[FrameKey]:
        """Return the kept frames without a picture."""

    def supply(self, frame: Frame) -> None:
        """Store the picture of a frame returned by :meth:`missing`. Raises :class:`SinkError`."""


@runtime_checkable
class FollowsFeeds(Protocol):
    """Stores or sends the status of live feeds."""

    def feed_changed(self, status: FeedStatus) -> None:
        """Store or send the new status of a feed. Raises :class:`SinkError`."""


@runtime_checkable
class Ticks(Protocol):
    """Has periodic work."""

    def tick(self) -> None:
        """Do periodic work; called about every half second. Raises :class:`SinkError`."""


@runtime_checkable
class HasBudget(Protocol):
    """Stores the pictures of a service, within a budget."""

    @property
    def excess_bytes(self) -> int:
        """Bytes by which the stored pictures exceed the budget; 0 if they do not."""

    def lost(self) -> Sequence[FrameKey]:
        """Return the kept frames given up since the last call, because their picture is not stored.

        A recalled frame comes without its picture; if the sink retained it, see
        ``SelectionUpdate.recallable``, the frame is not lost.
        """
