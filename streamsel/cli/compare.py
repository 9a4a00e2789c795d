"""``streamsel compare``: what a selection is worth, on the user's own video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from streamsel.cli.options import compare_options, run_options

_EXAMPLES = """\b
Examples:
  streamsel compare walk.mp4 -n 99
  streamsel compare recordings/ --share 20% --per-input
  streamsel compare walk.mp4 -n 99 --json --plot walk.svg
  streamsel compare walk.mp4 -n 99 --embeddings vectors.parquet
"""


@click.command("compare", epilog=_EXAMPLES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--per-input", is_flag=True, help="A table for each input.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw it: .png, .svg or .pdf.")
@compare_options
def command(
    inputs: tuple[str, ...],
    per_input: bool,
    plot: Path | None,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Compare all frames, a fixed rate, random frames and both of our methods on INPUT.

    Every method sees every frame that is not damaged. L2 is the distance between embeddings of
    kept frames, radius that from the farthest seen frame to its nearest kept one.
    """
    from streamsel.api.comparison import compare_inputs
    from streamsel.cli.progress import ProgressLine
    from streamsel.cli.table import print_comparison, wide_console
    from streamsel.report.plot import check_plot, plot_comparison

    if plot is not None:
        if per_input:
            raise click.UsageError("--plot draws one table; give it without --per-input")
        check_plot(plot)
    with ProgressLine(quiet=quiet or as_json) as progress:
        compared = compare_inputs(
            inputs, run_options(chosen), per_input=per_input, observers=[progress]
        )
        for error in compared.unusable:
            progress.complain(f"error: {error}")
    if as_json:
        tables = [table.as_json() for table in compared.tables]
        click.echo(json.dumps(tables if per_input else tables[0] if tables else None))
    else:
        console = wide_console()
        for table in compared.tables:
            click.echo(f"{table.title}: {table.frames:,} frames, {table.count:,} to keep")
            print_comparison(table.rows, console)
    if plot is not None and compared.tables:
        plot_comparison(compared.tables[0].rows, compared.tables[0].title, plot)
    if not compared.complete:
        click.echo("interrupted: the table covers what had been read", err=True)
        return 130
    return 1 if compared.unusable or compared.failed or not compared.tables else 0
