"""``streamsel compare``: compares selection methods on the user's own video."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from streamsel.choices import Decode
from streamsel.cli.listed import with_listed
from streamsel.cli.option_groups import GroupedCommand
from streamsel.cli.options import chosen_options, compare_options, input_options
from streamsel.errors import ConfigurationError
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel compare walk.mp4 -n 99
  streamsel compare recordings/ --share 20% --per-input
  streamsel compare walk.mp4 -n 99 --json --plot walk.svg
  streamsel compare walk.mp4 -n 99 --embeddings vectors.parquet
  streamsel compare --from-file list.txt -n 99
  streamsel compare walk.mp4 -n 99 --decode all,adaptive,keyframes
"""


class _WaysType(click.ParamType[tuple[Decode, ...]]):
    """A click type of ways of decoding, separated by commas."""

    name = "WAY[,WAY...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Decode, ...]:
        """Parse the text; convert errors to usage errors."""
        try:
            return _ways(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


def _ways(text: str) -> tuple[Decode, ...]:
    """Read a list of ways of decoding, separated by commas."""
    known = {name: name for name in get_args(Decode)}
    names = [name.strip() for name in text.split(",")]
    for place, name in enumerate(names):
        if name not in known:
            what = repr(name) if name else "empty between its commas" if text else "empty"
            raise ConfigurationError(
                f"decode is {what}; name some of {', '.join(known)}, separated by commas"
            )
        if name in names[:place]:
            raise ConfigurationError(f"decode names {name} twice; name each way once")
    return tuple(known[name] for name in names)


@click.command("compare", cls=GroupedCommand, epilog=_EXAMPLES)
@input_options
@click.option("--per-input", is_flag=True, help="Print one table per input.")
@click.option("--plot", type=click.Path(path_type=Path), help="Plot to a .png, .svg or .pdf file.")
@click.option(
    "--decode",
    "decodes",
    type=_WaysType(),
    default="all",
    show_default=True,
    help=f"Of {', '.join(get_args(Decode))}; several are compared by cost and quality.",
)
@compare_options
def command(
    inputs: tuple[str, ...],
    from_file: str | None,
    per_input: bool,
    plot: Path | None,
    decodes: tuple[Decode, ...],
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Compare all frames, a fixed rate, random frames and both of our methods on INPUT.

    Every method sees every frame that is not damaged. L2 is the distance between embeddings of
    kept frames, radius that from the farthest seen frame to its nearest kept one.

    With several decode modes, INPUT is read once in each. A second table has the time of each, and
    how well the frames kept from it cover all frames.
    """
    from streamsel.api.compare import compare_inputs
    from streamsel.api.terminal_progress import TerminalProgress
    from streamsel.cli.table import print_comparison, print_decode_costs, wide_console
    from streamsel.report.plot import check_plot, plot_comparison
    from streamsel.wiring.inputs import tell_passed_over

    if plot is not None:
        if per_input:
            raise click.UsageError("--plot draws one table; give it without --per-input")
        check_plot(plot)
    with TerminalProgress(quiet=quiet or as_json) as progress:
        compared = compare_inputs(
            with_listed(inputs, from_file),
            chosen_options(chosen),
            decodes=decodes,
            per_input=per_input,
            observers=[progress],
        )
        for error in compared.unusable:
            progress.complain(f"error: {error}")
        for line in tell_passed_over(compared.passed_over, verbose=verbose):
            progress.say(line)
    if as_json:
        tables = [table.as_json() for table in compared.tables]
        click.echo(json_text(tables if per_input else tables[0] if tables else None))
    else:
        console = wide_console()
        for table in compared.tables:
            click.echo(f"{table.title}: {table.frames:,} frames, {table.count:,} to keep")
            print_comparison(table.rows, console)
            if table.decode_rows:
                print_decode_costs(table.decode_rows, console)
    if plot is not None and compared.tables:
        plot_comparison(compared.tables[0].rows, compared.tables[0].title, plot)
    if not compared.complete:
        click.echo("interrupted: the table covers what had been read", err=True)
        return 130
    return 1 if compared.unusable or compared.failed or not compared.tables else 0
