"""``streamsel backup``: copies the folder of a run or a service, which may be running."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from streamsel.cli.completing import LOCATION
from streamsel.cli.options import loudness_options
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel backup kept -o /mnt/backup/kept
  streamsel backup kept -o /mnt/backup/kept --json
"""


@click.command("backup", epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=LOCATION,
    required=True,
    metavar="OUT",
    help="Folder of the backup: new, or an earlier backup of the same run, which is renewed.",
)
@loudness_options
def command(folder: Path, output: str, quiet: bool, verbose: bool, as_json: bool) -> int:
    """Copy the run in FOLDER, which may be running, to a folder that can take its place.

    The copy has the record of one moment, all pictures that it names, and their clips. Messages
    that wait for a broker are not copied. To restore, stop the service and copy the backup back.
    """
    from streamsel.record.backup import back_up

    done = back_up(folder, Path(output))
    if as_json:
        click.echo(json_text({"folder": str(folder), "output": output, **asdict(done)}))
    elif not quiet:
        click.echo(
            f"{folder}: {done.pictures:,} pictures, {done.copied:,} files copied -> {output}"
        )
    if done.missing:
        click.echo(f"streamsel: {folder} lacks {done.missing:,} pictures of its record", err=True)
    return 0
