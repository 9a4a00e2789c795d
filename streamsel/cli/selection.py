"""Runs a selection and prints its result, for the commands that select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from streamsel.cli.progress import ProgressLine
from streamsel.config.options import RunOptions
from streamsel.report.summary import Summary, store_statistics, summarise
from streamsel.runtime.execute import execute
from streamsel.wiring.inputs import tell_passed_over
from streamsel.wiring.selection import build_selection

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a selection.

    ``evenly`` is the number of frames to keep evenly spread over time, None for other methods.
    """

    summary: Summary
    complete: bool
    evenly: int | None = None

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
            print(f"  {summary.unwritten:,} more are chosen, their pictures not written", file=to)
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
            every = "every frame" if summary.sees_all else "every frame that was looked at"
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


def run_selection(
    inputs: Sequence[str],
    options: RunOptions,
    folder: Path,
    *,
    resume: bool,
    overwrite: bool,
    jobs: int = 1,
    verbose: bool = False,
    progress: ProgressLine,
) -> RunOutcome:
    """Run a selection into a folder."""
    run = build_selection(
        inputs,
        options,
        folder,
        resume=resume,
        overwrite=overwrite,
        observers=[progress],
        jobs=jobs,
    )
    for error in run.errors:
        progress.complain(f"error: {error}")
    for line in tell_passed_over(run.passed_over, verbose=verbose):
        progress.say(line)
    if run.room is not None and (run.room.is_worth_saying or verbose):
        say = progress.complain if run.room.is_short else progress.say
        say(f"{'warning: ' if run.room.is_short else ''}{run.room}")
    progress.start_from(sum(1 for _ in run.sink.record.kept()))
    complete = execute(run.pipeline, [run.sink])
    summary = summarise(folder)
    # Also for pictures that could not be written or decoded again, which end no reading.
    for reason in summary.errors.values():
        progress.complain(f"error: {reason}")
    if complete:
        store_statistics(summary)
    return RunOutcome(summary, complete, _evenly(options, summary))


def _evenly(options: RunOptions, summary: Summary) -> int | None:
    """Return the number of evenly spaced frames to keep; None for other methods."""
    select = options.select
    is_asked = select.method == "uniform" and not (select.per_input or select.share)
    return select.target(summary.frames) if is_asked else None
