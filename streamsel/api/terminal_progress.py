"""Progress of reading on stderr: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from streamsel.decisions import FeedReport, Kept, Verdict
from streamsel.frame import PrefilteredFrame


class TerminalProgress:
    """Shows the progress of each feed on stderr, because stdout is for results.

    A context manager. ``quiet``: only problems are printed.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._quiet = quiet
        self._kept = 0
        self._told: set[str] = set()
        self._task: TaskID | None = None
        self._bars = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[kept]} kept", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start_from(self, kept: int) -> None:
        """Continue the counts of a resumed run."""
        self._kept = kept

    def say(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def complain(self, text: str) -> None:
        """Print a problem, even if quiet, once."""
        if text in self._told:
            return
        self._told.add(text)
        self._console.print(text, markup=False, style="yellow" if self._console.is_terminal else "")

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Start a bar for the feed."""
        self._task = self._bars.add_task(
            feed, total=expected_frames, completed=done_frames, kept=self._kept
        )

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.update(self._task, advance=len(prefiltered_frames), kept=self._kept)

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Count kept frames."""
        for verdict in verdicts:
            for event in verdict.events:
                self._kept += 1 if isinstance(event, Kept) else -1

    def feed_ended(self, report: FeedReport) -> None:
        """Close the bar with a line that stays."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        for warning in report.warnings:
            self.complain(f"warning: {warning}")
        if report.error is not None:
            self.complain(f"error: {report.error}")
        else:
            self.say(f"{report.feed}: read to its end, {report.frames:,} frames")
