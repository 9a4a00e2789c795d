"""``streamsel embedders``: what can look at frames here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from streamsel.cli.options import loudness_options

_EXAMPLES = """\b
Examples:
  streamsel embedders
  streamsel embedders --json
  streamsel select walk.mp4 -n 100 -o kept --embedder builtin
"""


@click.command("embedders", epilog=_EXAMPLES)
@loudness_options
def command(quiet: bool, verbose: bool, as_json: bool, **_: Any) -> int:
    """List the networks that can be used here, with dimension and size."""
    from rich.table import Table

    from streamsel.cli.table import wide_console
    from streamsel.embed.registry import embedders

    found = embedders()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "dim", "input", "MB", "parameters", "available"):
        table.add_column(heading)
    for one in found:
        table.add_row(
            one.name,
            f"{one.dim}",
            f"{one.input_size} px",
            f"{one.megabytes:.1f}",
            f"{one.parameters:,}",
            "yes" if one.available else f"no: {one.note}",
        )
    wide_console().print(table)
    return 0
