"""Progress of reading in a notebook: one bar below the cell, renewed in place."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from streamsel.api.progress import net_kept, problems_of
from streamsel.clock import Clock
from streamsel.decisions import FeedReport, Verdict
from streamsel.frame import PrefilteredFrame

_RENEWED_EVERY = 0.25
"""Seconds; each renewal is a message to the browser."""


class NotebookProgress:
    """Shows the progress of each feed in the cell that runs. A context manager.

    It needs only IPython, which every notebook has, no widgets. Notices and problems become lines
    of their own, so that they stay when the bar goes on. Used by one thread at a time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handle: Any = None
        self._feed = ""
        self._done = 0
        self._expected: int | None = None
        self._begun_at = 0.0
        self._begun_with = 0
        self._renewed_at = 0.0
        self._feeds_ended = 0
        self._frames_ended = 0
        self._kept = 0
        self._told: set[str] = set()

    def __enter__(self) -> NotebookProgress:
        from IPython.display import display

        self._handle = display(self._bundle(), raw=True, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._renew()

    def start_from(self, kept: int) -> None:
        """Continue the counts of a resumed run."""
        self._kept = kept

    def say(self, text: str) -> None:
        """Print a line."""
        print(text)

    def complain(self, text: str) -> None:
        """Print a problem, once."""
        if text not in self._told:
            self._told.add(text)
            print(text)

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Begin the bar of the feed."""
        self._feed, self._expected = feed, expected_frames
        self._done = self._begun_with = done_frames
        self._begun_at = self._clock.monotonic()
        self._renew()

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Move the bar."""
        self._done += len(prefiltered_frames)
        if self._clock.monotonic() - self._renewed_at >= _RENEWED_EVERY:
            self._renew()

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Count kept frames."""
        self._kept += net_kept(verdicts)

    def feed_ended(self, report: FeedReport) -> None:
        """Replace the bar by the totals, and print the problems of the feed."""
        self._feed = ""
        self._feeds_ended += 1
        self._frames_ended += report.frames
        self._renew()
        for problem in problems_of(report):
            self.complain(problem)

    def _renew(self) -> None:
        self._renewed_at = self._clock.monotonic()
        self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        text = self._text()
        html = f"<div>{self._bar()}{escape(text)}</div>"
        return {"text/plain": text, "text/html": html}

    def _bar(self) -> str:
        if not self._feed:
            return ""
        of = f' value="{self._done}" max="{self._expected}"' if self._expected else ""
        return f'<progress{of} style="width:20em;vertical-align:middle"></progress> '

    def _text(self) -> str:
        if not self._feed and not self._feeds_ended:
            return "opening the inputs"
        parts = [f"{self._kept:,} kept"]
        if self._feed:
            of = f" of {self._expected:,}" if self._expected else ""
            parts.insert(0, f"{self._feed}: {self._done:,}{of} frames")
            parts += self._remaining()
        if self._feeds_ended:
            feeds = "1 feed" if self._feeds_ended == 1 else f"{self._feeds_ended:,} feeds"
            parts.append(f"{feeds} read, {self._frames_ended:,} frames")
        return "; ".join(parts)

    def _remaining(self) -> list[str]:
        """Say how long the feed will take at the pace so far, if that is known."""
        read = self._done - self._begun_with
        if self._expected is None or read <= 0 or self._done >= self._expected:
            return []
        elapsed = self._clock.monotonic() - self._begun_at
        minutes, seconds = divmod(round(elapsed / read * (self._expected - self._done)), 60)
        return [f"{minutes}:{seconds:02d} left"]
