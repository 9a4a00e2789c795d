"""A base observer that ignores everything, for observers of few events."""

from __future__ import annotations

from streamsel.decisions import DropReason, FeedStatus, SelectionUpdate, SourceCounters
from streamsel.interfaces.selectors import LiveSelector


class SilentObserver:
    """A ``LiveObserver`` that passes over all it is told; override what matters."""

    def feed_changed(self, status: FeedStatus) -> None:
        """A feed is different."""

    def feed_removed(self, feed: str) -> None:
        """A feed is gone."""

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """A source has counted."""

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Frames gave way."""

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """A turn of the judge."""

    def batched(self, frames: int) -> None:
        """Frames were embedded together."""

    def took(self, stage: str, seconds: float) -> None:
        """A stage worked."""

    def waiting(self, queue: str, items: int) -> None:
        """Items wait in a queue."""

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """A selector can be looked at."""

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """A sink has acted."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """A sink failed."""
