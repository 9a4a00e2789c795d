"""``streamsel demo``: generates a clip and selects frames from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from streamsel.cli.defined import option
from streamsel.cli.options import loudness_options
from streamsel.config import definitions
from streamsel.config.options import run_options
from streamsel.errors import FolderInUseError
from streamsel.json_text import json_text

_FRAMES = 24

_EXAMPLES = """\b
Examples:
  streamsel demo
  streamsel demo -o my-demo -n 40 --overwrite
"""


@click.command("demo", epilog=_EXAMPLES)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("streamsel-demo"),
    show_default=True,
    help="Folder for the clip and the selected frames.",
)
@option("count", definitions.Count, _FRAMES, short="-n")
@click.option("--overwrite", is_flag=True, help="Replace the result of an earlier demo.")
@loudness_options
def command(
    output: Path,
    count: int,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **_: Any,
) -> int:
    """Generate a demo clip, select frames from it, and show the result.

    The clip has scenes that move, repeat, freeze and fade, and a camera that sees only noise.
    Nothing is downloaded.
    """
    from streamsel.api.compare import compare_inputs
    from streamsel.api.select import select_inputs
    from streamsel.api.terminal_progress import TerminalProgress
    from streamsel.cli.selection import INTERRUPTED, RunOutcome
    from streamsel.cli.table import print_comparison, wide_console
    from streamsel.record.files import disk_errors
    from streamsel.sources.demo.synthetic import render_demo

    options = run_options({"count": count})
    clip, kept = output / "demo.mp4", output / "kept"
    for there in (kept, clip):
        if there.exists() and not overwrite:
            raise FolderInUseError(
                f"{there}: exists already; replace it with --overwrite or choose a folder with -o"
            )
    with TerminalProgress(quiet=quiet or as_json) as progress:
        progress.say(f"rendering {clip}")
        with disk_errors(output):
            output.mkdir(parents=True, exist_ok=True)
            render_demo(clip)
        selection = select_inputs(
            [str(clip)], options, kept, overwrite=overwrite, progress=progress
        )
        result = RunOutcome.of(selection, options)
        if not result.complete:
            return result.exit_code
        compared = compare_inputs([str(clip)], options, observers=[progress])
    if as_json:
        tables = [table.as_json() for table in compared.tables]
        click.echo(json_text({"select": result.as_json(), "compare": tables}))
        return result.exit_code if compared.complete else INTERRUPTED
    result.print(verbose=verbose, to=sys.stdout)
    console = wide_console()
    console.print()
    for table in compared.tables:
        print_comparison(table.rows, console)
    click.echo(f"\nThe clip is {clip}, the kept frames are in {kept / 'frames'}.")
    click.echo("Try your own: streamsel select VIDEO -n 100 -o kept")
    return result.exit_code if compared.complete else INTERRUPTED
