"""Seams of observers: they see events of the pipeline, for progress and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.decisions import (
    DropReason,
    FeedReport,
    FeedStatus,
    SelectionUpdate,
    SourceCounters,
    Verdict,
)
from streamsel.frame import PrefilteredFrame
from streamsel.interfaces.selectors import LiveSelector


class Observer(Protocol):
    """Receives the events of a file run, for progress and counts. Called on the event loop."""

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """A feed will be read next; ``done_frames`` were judged in an earlier run."""

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Frames were read and prefiltered."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Frames were judged."""

    def feed_ended(self, report: FeedReport) -> None:
        """A feed ended."""


class LiveObserver:
    """A base that ignores the events of a service; override those that matter.

    Called from the event loop and from the judge's thread, possibly at once; must not block.
    """

    def feed_changed(self, status: FeedStatus) -> None:
        """A feed was added, went up or down, or was reopened."""

    def feed_removed(self, feed: str) -> None:
        """A feed was removed from the service, or a group with its last feed."""

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """The counters of the feed's source; about once a second."""

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Frames of a feed were dropped; see ``streamsel.decisions.DROP_REASONS``."""

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """The judge finished a turn, at monotonic time ``now`` in seconds."""

    def batched(self, frames: int) -> None:
        """The size of an embedded batch, in frames."""

    def stage_finished(self, stage: str, seconds: float) -> None:
        """The working time of a stage: ``embed``, ``judge``, ``encode`` or the name of a sink."""

    def queue_measured(self, queue: str, items: int) -> None:
        """The length of a queue: ``inbox`` or the name of a sink; about once a second."""

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Measure a selector. Called in the judge's thread about once a second: be quick."""

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """A sink has applied an update, or what was left of several: its pictures are stored."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """A sink failed and will be retried."""
