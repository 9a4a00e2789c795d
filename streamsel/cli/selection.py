"""Prints the result of a selection, for the commands that select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from streamsel.api.results import Selection
from streamsel.config.options import RunOptions
from streamsel.report.summary import Summary

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a selection.

    ``evenly`` is the number of frames to keep evenly spread over time, None for other methods.
    """

    summary: Summary
    complete: bool
    evenly: int | None = None

    @classmethod
    def of(cls, selection: Selection, options: RunOptions) -> RunOutcome:
        """Return the outcome of a selection with these options."""
        return cls(selection.summary, selection.complete, _evenly(options, selection.summary))

    @property
    def exit_code(self) -> int:
        """0; 1 when an input failed; 130 when interrupted."""
        if not self.complete:
            return INTERRUPTED
        return 1 if self.summary.errors else 0

    def as_json(self) -> dict[str, object]:
        """Return the published result."""
        result = self.summary.as_json()
        result["errors"] = list(self.summary.errors.values())
        return result

    def print(self, *, verbose: bool, to: TextIO) -> None:
        """Print the result as text."""
        summary = self.summary
        print(
            f"kept {summary.kept:,} of {summary.frames:,} frames in {summary.seconds:.1f} s"
            f" -> {summary.folder / 'frames'}",
            file=to,
        )
        if summary.unwritten:
            print(f"  {summary.unwritten:,} more are kept, without stored pictures", file=to)
        if self.complete and summary.kept < (self.evenly or 0):
            print(
                f"  fewer than {self.evenly:,}: a frame that is shown for longer than the time "
                "between two of them is kept once",
                file=to,
            )
        for outcome, counts in (("refused", summary.refused), ("covered", summary.covered)):
            if counts and (verbose or outcome == "refused"):
                reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
                print(f"  {outcome}: {reasons}", file=to)
        if not summary.frames and self.complete:
            print("  nothing was read: see --start, --end and --vf", file=to)
        found = summary.diversity
        if found["min"] is not None and found["radius"] is not None:
            every = "every frame" if summary.sees_all else "every decoded frame"
            print(
                f"  closest pair {found['min']:.3f}, mean of pairs {found['mean']:.3f}; "
                f"{every} within {found['radius']:.3f} of a kept one",
                file=to,
            )
        if verbose:
            print(f"  admitted {summary.admitted:,}, evicted {summary.evicted:,}", file=to)
            print(f"  embedder {summary.embedder['name']} {summary.embedder['digest']}", file=to)
        if failed := len(summary.errors):
            names = ", ".join(summary.errors)
            print(f"  {failed} input{'s' if failed > 1 else ''} failed: {names}", file=to)
        if not self.complete:
            print("  interrupted; continue with --resume", file=to)


def _evenly(options: RunOptions, summary: Summary) -> int | None:
    """Return the number of evenly spaced frames to keep; None for other methods."""
    select = options.select
    is_asked = select.method == "uniform" and not (select.per_input or select.share)
    return select.target(summary.frames) if is_asked else None
