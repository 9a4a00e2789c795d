"""Running a selection and saying what came of it, for the commands that select."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from streamsel.build.inputs import tell_passed_over
from streamsel.build.selection import build_selection
from streamsel.cli.progress import ProgressLine
from streamsel.config.options import RunOptions
from streamsel.report.summary import Summary, store_statistics, summarise
from streamsel.runtime.execute import execute

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a selection came to. ``stored`` is False for a dry run; ``kept`` names the frames."""

    summary: Summary
    complete: bool
    stored: bool
    unusable: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0; 1 when an input failed; 130 when interrupted."""
        if not self.complete:
            return INTERRUPTED
        return 1 if self.unusable or self.summary.errors else 0

    def as_json(self) -> dict[str, object]:
        """The published result."""
        result = self.summary.as_json()
        result["errors"] = [*self.unusable, *self.summary.errors.values()]
        if not self.stored:
            result["folder"] = None
            result["frames_kept"] = list(self.kept)
        return result

    def print(self, *, verbose: bool, to: TextIO) -> None:
        """Print the result as text."""
        summary = self.summary
        where = f" -> {summary.folder / 'frames'}" if self.stored else ""
        print(
            f"kept {summary.kept:,} of {summary.frames:,} frames in {summary.seconds:.1f} s{where}",
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
            print(
                f"  closest pair {found['min']:.3f}, mean of pairs {found['mean']:.3f}; "
                f"every frame within {found['radius']:.3f} of a kept one",
                file=to,
            )
        if verbose:
            print(f"  admitted {summary.admitted:,}, evicted {summary.evicted:,}", file=to)
            print(f"  embedder {summary.embedder['name']} {summary.embedder['digest']}", file=to)
        if not self.stored:
            for name in self.kept:
                print(name, file=to)
        failed = len(self.unusable) + len(summary.errors)
        if failed:
            names = ", ".join([*summary.errors, *self.unusable])
            print(f"  {failed} input{'s' if failed > 1 else ''} failed: {names}", file=to)
        if not self.complete:
            print(f"  interrupted{'; continue with --resume' if self.stored else ''}", file=to)


def run_selection(
    inputs: Sequence[str],
    options: RunOptions,
    folder: Path | None,
    *,
    resume: bool,
    overwrite: bool,
    jobs: int = 1,
    verbose: bool = False,
    progress: ProgressLine,
) -> Outcome:
    """Select into a folder, or into a temporary one that is thrown away (a dry run)."""
    from streamsel.sinks.record import Record

    with ExitStack() as stack:
        if folder is None:
            target = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamsel-")))
        else:
            target = folder
        run = build_selection(
            inputs,
            options,
            target,
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
        with Record.open(target) as record:
            kept = tuple(str(frame.key) for frame in record.kept())
        summary = summarise(target)
        if complete:
            store_statistics(summary)
        return Outcome(
            summary=summary,
            complete=complete,
            stored=folder is not None,
            unusable=tuple(str(error) for error in run.errors),
            kept=kept,
        )
