"""``streamsel forget``: deletes the frames of feeds that were removed from a service."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from streamsel.cli.options import loudness_options
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel inspect kept
  streamsel forget kept --feed yard
  streamsel forget kept --feed yard --yes
"""


@click.command("forget", epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--feed",
    "scopes",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A removed feed or group; repeatable.",
)
@click.option("--yes", is_flag=True, help="Delete; without it only print what would be deleted.")
@loudness_options
def command(
    folder: Path,
    scopes: tuple[str, ...],
    yes: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **_: Any,
) -> int:
    """Delete the frames of removed feeds and groups from a stopped service's FOLDER.

    inspect lists removed feeds and groups. While the service runs, use its API: DELETE
    /api/gone/NAME. This cannot be undone.
    """
    from streamsel.sinks.forgetting import find_gone, remove_gone

    found = remove_gone(folder, scopes) if yes else find_gone(folder, scopes)
    if as_json:
        click.echo(json_text({"removed": yes, "gone": [asdict(gone) for gone in found]}))
    elif not quiet:
        for gone in found:
            told = f"{gone.frames:,} frames, {gone.bytes / 1e6:,.1f} MB"
            click.echo(f"{gone.scope}: {told} {'removed' if yes else 'would go'}")
        if not yes:
            click.echo("nothing was removed; add --yes")
    return 0
