"""``streamsel select``: selects frames from videos and images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from streamsel.cli.listed import with_listed
from streamsel.cli.option_groups import GroupedCommand
from streamsel.cli.options import chosen_options, input_options, select_options
from streamsel.config.options import RunOptions
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel select walk.mp4 -n 100 -o kept
  streamsel select recordings/ --share 1% -o kept
  streamsel select a.mp4 b.mp4 -n 50 --per-input --format png -o kept
  streamsel select day.mp4 -n 500 --method two-pass --start 1h --end 2h -o kept
  streamsel select day.mp4 -n 500 -o kept --resume
  streamsel select recordings/ -n 500 -o kept --decode adaptive --jobs 2
  streamsel select walk.mp4 -n 100 --embeddings vectors.parquet -o kept
  find /videos -newer last -print0 | streamsel select --from-file - -n 500 -o kept
  ffmpeg -i rtsp://cam/main -t 60 -c copy -f matroska - | streamsel select - -n 20 -o kept
"""


@click.command("select", cls=GroupedCommand, epilog=_EXAMPLES)
@input_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the result.")
@click.option("--resume", is_flag=True, help="Continue the run in the folder where it stopped.")
@click.option("--overwrite", is_flag=True, help="Replace the run in the folder.")
@click.option("--dry-run", is_flag=True, help="Open the inputs and print what would be done.")
@select_options
def command(
    inputs: tuple[str, ...],
    from_file: str | None,
    output: Path | None,
    resume: bool,
    overwrite: bool,
    dry_run: bool,
    jobs: int,
    sink: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Keep the most diverse frames of INPUT: videos, folders, globs, images or URLs.

    The INPUT - is a video on standard input. All inputs together make one selection, unless
    --per-input is given. The frames, a manifest and a record of every decision go into the output
    folder.
    """
    from streamsel.api.select import select_inputs
    from streamsel.api.terminal_progress import TerminalProgress
    from streamsel.cli.selection import RunOutcome

    if dry_run:
        from streamsel.wiring.handover import require_sinks

        require_sinks(sink)
        listed = with_listed(inputs, from_file)
        return _foresee(
            listed,
            chosen_options(chosen),
            output,
            resume=resume,
            overwrite=overwrite,
            verbose=verbose,
            as_json=as_json,
        )
    if output is None:
        raise click.UsageError("give a folder with -o, or --dry-run")
    with TerminalProgress(quiet=quiet or as_json) as progress:
        options = chosen_options(chosen)
        selection = select_inputs(
            with_listed(inputs, from_file),
            options,
            output,
            resume=resume,
            overwrite=overwrite,
            jobs=jobs,
            sink=sink,
            verbose=verbose,
            progress=progress,
        )
    result = RunOutcome.of(selection, options)
    if as_json:
        click.echo(json_text(result.as_json()))
    else:
        result.print(verbose=verbose, to=sys.stdout)
    return result.exit_code


def _foresee(
    inputs: Sequence[str],
    options: RunOptions,
    output: Path | None,
    *,
    resume: bool,
    overwrite: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    from streamsel.cli.dry_run import print_forecast
    from streamsel.wiring.forecast import foresee_selection

    forecast = foresee_selection(inputs, options, output, resume=resume, overwrite=overwrite)
    if as_json:
        click.echo(json_text(forecast.as_json()))
    else:
        print_forecast(forecast, sys.stdout, verbose=verbose)
    return 1 if forecast.errors else 0
