"""A base observer that ignores everything, for observers of few events."""

from __future__ import annotations

from streamsel.decisions import DropReason, FeedStatus, SelectionUpdate, SourceCounters
from streamsel.interfaces.selectors import LiveSelector


class SilentObserver:
    """A ``LiveObserver`` that ignores all events; override the relevant ones."""

    def feed_changed(self, status: FeedStatus) -> None:
        """Ignored."""

    def feed_removed(self, feed: str) -> None:
        """Ignored."""

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """Ignored."""

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Ignored."""

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """Ignored."""

    def batched(self, frames: int) -> None:
        """Ignored."""

    def stage_finished(self, stage: str, seconds: float) -> None:
        """Ignored."""

    def queue_measured(self, queue: str, items: int) -> None:
        """Ignored."""

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Ignored."""

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """Ignored."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """Ignored."""
