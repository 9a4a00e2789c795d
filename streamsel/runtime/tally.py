"""Counts of what happened on the line, by reason and by feed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamsel.event import FeedReport, Kept, Verdict
from streamsel.frame import Sighting


@dataclass(slots=True)
class Tally:
    """An observer that counts.

    ``frames`` counts judged frames, ``admitted`` and ``evicted`` the changes of the kept set;
    ``refused`` counts by reason what never became a candidate, ``covered`` what a kept frame
    stands for. ``reports`` holds how each feed ended.
    """

    seen_frames: int = 0
    frames: int = 0
    admitted: int = 0
    evicted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    reports: list[FeedReport] = field(default_factory=list)

    @property
    def kept(self) -> int:
        """Frames that are kept now."""
        return self.admitted - self.evicted

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Nothing to count yet."""

    def seen(self, sightings: Sequence[Sighting]) -> None:
        """Count frames that were read."""
        self.seen_frames += len(sightings)

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Count outcomes, reasons and events."""
        self.frames += len(verdicts)
        for verdict in verdicts:
            if verdict.outcome == "refused":
                self.refused[verdict.reason] += 1
            elif verdict.outcome == "covered":
                self.covered[verdict.reason] += 1
            for event in verdict.events:
                if isinstance(event, Kept):
                    self.admitted += 1
                else:
                    self.evicted += 1

    def feed_ended(self, report: FeedReport) -> None:
        """Remember how the feed ended."""
        self.reports.append(report)
