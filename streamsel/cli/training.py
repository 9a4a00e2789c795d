"""Progress and results of a training, on a terminal or as plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Table

from streamsel.api.terminal_bars import TerminalBars
from streamsel.cli.table import wide_console
from streamsel.embed.finetune.adapt import Epoch
from streamsel.embed.finetune.evaluate import HIGHER_IS_BETTER
from streamsel.embed.finetune.training_footage import Split
from streamsel.errors import SourceError
from streamsel.wiring.training import Trained

_MEANINGS = {
    "found_again": "frames found again when altered",
    "moments_told_apart": "moments told apart (AUC)",
    "noise": "noise, as a share of far distances",
    "directions": "directions in use",
}


_FEW = 100


class TrainingProgress(TerminalBars):
    """Shows the progress of a training. A context manager."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        super().__init__(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            quiet=quiet,
        )
        self._verbose = verbose
        self._epochs = 0
        self.has_begun = False

    def feed_opened(self, feed: str, expected_frames: int | None) -> None:
        """Start a bar for the feed."""
        self._begin_bar(feed, expected_frames)

    def frame_read(self) -> None:
        """Move the bar."""
        self._move_bar(advance=1)

    def feed_ended(self, feed: str, frames: int, problems: Sequence[str]) -> None:
        """Print the problems of the feed and, if verbose, what was read."""
        for problem in problems:
            self.complain(f"warning: {problem}")
        if self._verbose:
            self.say(f"{feed}: {frames:,} frames")

    def feed_failed(self, error: SourceError) -> None:
        """Print the reason, always."""
        self.complain(f"error: {error}")

    def begun(self, parts: Split, epochs: int, start_loss: float, done: Sequence[Epoch]) -> None:
        """Print the sizes of the training set and the held-out set."""
        self.has_begun, self._epochs = True, epochs
        held = {"feed": "whole inputs", "time": "the end of each input"}[parts.by]
        self.say(
            f"{len(parts.trained):,} frames to learn from, "
            f"{len(parts.held_out):,} held out ({held}); held-out loss {start_loss:.4f} to begin"
        )
        if done:
            self.say(f"continued after epoch {len(done)}")
        self._begin_bar(f"epoch {len(done) + 1} of {epochs}", None)

    def stepped(self, done: int, steps: int) -> None:
        """Move the bar."""
        self._move_bar(completed=done, total=steps)

    def epoch_ended(self, epoch: Epoch) -> None:
        """Print the result of the epoch."""
        best = ", the lowest so far" if epoch.is_best else ""
        trained = f" (trained {epoch.loss:.4f})" if self._verbose else ""
        self.say(
            f"epoch {epoch.number} of {self._epochs}: "
            f"held-out loss {epoch.held_out_loss:.4f}{trained}{best}"
        )
        if epoch.number < self._epochs:
            self._begin_bar(f"epoch {epoch.number + 1} of {self._epochs}", None)


def print_trained(trained: Trained) -> None:
    """Print the table of before and after, and the files written."""
    if trained.after is not None:
        table = Table(box=None, pad_edge=False)
        table.add_column(f"on {trained.held_out_frames:,} held-out frames")
        for heading in ("before", "after", "better is"):
            table.add_column(heading, justify="right")
        for name, meaning in _MEANINGS.items():
            found = [getattr(figures, name) for figures in (trained.before, trained.after)]
            shown = ["-" if value is None else f"{value:.3f}" for value in found]
            table.add_row(meaning, *shown, "higher" if HIGHER_IS_BETTER[name] else "lower")
        wide_console().print(table)
        if trained.held_out_frames < _FEW:
            click.echo("so few held-out frames make rough figures: more footage tells more")
    if trained.adapted:
        click.echo(
            f"epoch {trained.best_epoch} of {len(trained.epochs)} -> {trained.output}; "
            f"use it: --weights {trained.output}"
        )
    else:
        click.echo(
            f"no better than before, {_why_not(trained)}: the weights it began with were kept "
            f"-> {trained.output}"
        )
    if trained.failed:
        count = len(trained.failed)
        click.echo(f"{count} input{'s' if count > 1 else ''} failed: {', '.join(trained.failed)}")


def as_published(trained: Trained) -> dict[str, object]:
    """Return the result as JSON values, under its published names."""
    return asdict(trained) | {"output": str(trained.output)}


def _why_not(trained: Trained) -> str:
    if trained.after is None:
        return "no epoch lowered the held-out loss"
    if not trained.worse:
        return "no figure is clearly better"
    return f"worse in {' and in '.join(_MEANINGS[name] for name in trained.worse)}"
