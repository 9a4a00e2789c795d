"""Progress of reading on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from streamsel.api.progress import net_kept, problems_of
from streamsel.api.terminal_bars import TerminalBars
from streamsel.decisions import FeedReport, Verdict
from streamsel.frame import PrefilteredFrame


class TerminalProgress(TerminalBars):
    """Shows the progress of each feed. A context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[kept]} kept", markup=False),
            TimeRemainingColumn(),
            quiet=quiet,
        )
        self._kept = 0

    def start_from(self, kept: int) -> None:
        """Continue the counts of a resumed run."""
        self._kept = kept

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Start a bar for the feed."""
        self._begin_bar(feed, expected_frames, completed=done_frames, kept=self._kept)

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Move the bar."""
        self._move_bar(advance=len(prefiltered_frames), kept=self._kept)

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Count kept frames."""
        self._kept += net_kept(verdicts)

    def feed_ended(self, report: FeedReport) -> None:
        """Close the bar with a line that stays."""
        self._end_bar()
        for problem in problems_of(report):
            self.complain(problem)
        if report.error is None:
            self.say(f"{report.feed}: read to its end, {report.frames:,} frames")
