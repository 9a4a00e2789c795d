"""``streamsel forget``: deletes the frames of feeds that were removed from a service."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from streamsel.cli.options import loudness_options

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
    help="A feed or group that is gone; may be given several times.",
)
@click.option("--yes", is_flag=True, help="Remove it; else it is only said what would go.")
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
    """Remove what a stopped service kept of feeds and groups that are gone.

    FOLDER is that of the service; inspect lists what is gone. While the service runs, ask it:
    DELETE /api/gone/NAME over HTTP. There is no way back.
    """
    from streamsel.sinks.forgetting import find_gone, remove_gone

    found = remove_gone(folder, scopes) if yes else find_gone(folder, scopes)
    if as_json:
        click.echo(json.dumps({"removed": yes, "gone": [asdict(gone) for gone in found]}))
    elif not quiet:
        for gone in found:
            told = f"{gone.frames:,} frames, {gone.bytes / 1e6:,.1f} MB"
            click.echo(f"{gone.scope}: {told} {'removed' if yes else 'would go'}")
        if not yes:
            click.echo("nothing was removed; add --yes")
    return 0
