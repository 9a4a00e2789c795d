"""``streamsel export``: exports the frames of a run to CSV, JSON lines or Parquet."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import click

from streamsel.cli.completing import LOCATION
from streamsel.cli.options import loudness_options
from streamsel.export.formats import FORMATS
from streamsel.export.rows import What
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel export kept -o kept.parquet
  streamsel export kept --what all -o frames.csv
  streamsel export kept --no-embeddings --format jsonl -o - | jq .path
"""


@click.command("export", epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=LOCATION,
    required=True,
    metavar="OUT",
    help="File to write; - for standard output.",
)
@click.option(
    "--format",
    "name",
    type=click.Choice(tuple(FORMATS)),
    help="Of the file.  [default: by its suffix]",
)
@click.option(
    "--what",
    type=click.Choice(("kept", "all")),
    default="kept",
    show_default=True,
    help="The kept frames, or every frame with its verdict.",
)
@click.option("--no-embeddings", is_flag=True, help="Leave the embeddings out.")
@click.option("--overwrite", is_flag=True, help="Replace the file.")
@loudness_options
def command(
    folder: Path,
    output: str,
    name: str | None,
    what: What,
    no_embeddings: bool,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Export the run in FOLDER as JSON lines, CSV or Parquet, with embeddings.

    FOLDER is that of a selection or a service, which may be running. select and compare read the
    file with --embeddings.
    """
    from streamsel.export.formats import open_format
    from streamsel.export.run import export_run, whole_file

    if name is None:
        name = Path(output).suffix.removeprefix(".")
        if name not in FORMATS:
            raise click.UsageError(f"{output} does not tell its format; give it with --format")
    form = open_format(name)
    if output == "-" and not form.streams:
        raise click.UsageError(f"{name} cannot go to standard output; name a file")
    if output == "-" and as_json:
        raise click.UsageError("--json prints the result, where the rows are to go")
    path = Path(output)
    target = (
        nullcontext(sys.stdout.buffer) if output == "-" else whole_file(path, overwrite=overwrite)
    )
    with target as out:
        count = export_run(folder, form, out, what=what, embeddings=not no_embeddings)
    if as_json:
        result = {"output": output, "format": name, "what": what, "frames": count}
        click.echo(json_text(result))
    elif output != "-" and not quiet:
        click.echo(f"wrote {count:,} frames -> {output}")
    return 0
