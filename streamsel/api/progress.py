"""The progress of a run: the seam of its displays, and the choice of one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from streamsel.choices import ShowProgress
from streamsel.clock import SystemClock
from streamsel.decisions import FeedReport, Kept, Verdict
from streamsel.interfaces.observers import Observer


class ProgressDisplay(Observer, Protocol):
    """Shows how a run proceeds, with its notices and problems."""

    def start_from(self, kept: int) -> None:
        """Continue the counts of a resumed run, which has kept this many frames."""

    def say(self, text: str) -> None:
        """Show a notice."""

    def complain(self, text: str) -> None:
        """Show a problem, once."""


def net_kept(verdicts: Sequence[Verdict]) -> int:
    """Return by how many frames the kept set has grown; negative if it has shrunk."""
    events = [event for verdict in verdicts for event in verdict.events]
    return sum(1 if isinstance(event, Kept) else -1 for event in events)


def problems_of(report: FeedReport) -> list[str]:
    """Return what to complain of when a feed has ended: its warnings, and its error."""
    problems = [f"warning: {warning}" for warning in report.warnings]
    return problems if report.error is None else [*problems, f"error: {report.error}"]


def open_progress(shown: ShowProgress) -> AbstractContextManager[ProgressDisplay | None]:
    """Return the display that suits where the program runs; None if nothing is to be shown.

    In a notebook that is a bar below the cell; on a terminal a bar on stderr; elsewhere plain lines
    on stderr. With ``auto`` only a notebook shows anything.
    """
    if shown is False:
        return nullcontext()
    from rich.console import Console

    if Console().is_jupyter:
        from streamsel.api.notebook_progress import NotebookProgress

        return NotebookProgress(SystemClock())
    if shown == "auto":
        return nullcontext()
    from streamsel.api.terminal_progress import TerminalProgress

    return TerminalProgress()
