"""``streamsel embedders``: lists the embedders available on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from streamsel.cli.completing import EMBEDDER, LOCATION
from streamsel.cli.options import loudness_options
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel embedders
  streamsel embedders timm:resnet18 --weights resnet18.safetensors
  streamsel embedders --json
  streamsel select walk.mp4 -n 100 -o kept --embedder timm:resnet18
"""


@click.command("embedders", epilog=_EXAMPLES)
@click.argument("name", metavar="[NAME]", type=EMBEDDER, required=False)
@click.option("--weights", type=LOCATION, metavar="FILE", help="Weights of NAME.")
@loudness_options
def command(
    name: str | None, weights: str | None, quiet: bool, verbose: bool, as_json: bool, **_: Any
) -> int:
    """List the available embedders with dimension, size and speed.

    Speed is in frames per second on one core, 32 at a time, measured now: for the built-in network
    and for NAME, which is loaded for this.
    """
    from streamsel.embed.registry import EmbedderInfo, create, describe, embedders
    from streamsel.embed.speed import frames_per_second
    from streamsel.errors import ConfigurationError

    if weights is not None and name is None:
        raise ConfigurationError("--weights is of a network; name it, e.g. timm:resnet18")
    speeds: dict[str, float] = {}
    found: dict[str, EmbedderInfo] = {one.name: one for one in embedders()}
    for asked, file in {"builtin": None, **({name: weights} if name else {})}.items():
        embedder = create(asked, weights=file, device="cpu")
        speeds[asked] = frames_per_second(embedder)
        if asked != "builtin" or file is not None:
            found[asked] = describe(embedder)
    if as_json:
        rows = [
            asdict(one) | {"frames_per_second": speeds.get(each)} for each, one in found.items()
        ]
        click.echo(json_text(rows))
    else:
        _print(found, speeds)
    return 0


def _print(found: dict[str, Any], speeds: dict[str, float]) -> None:
    from rich.table import Table

    from streamsel.cli.table import wide_console

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("dim", "input", "MB", "parameters", "frames/s"):
        table.add_column(heading, justify="right")
    table.add_column("available")
    for name, one in found.items():
        table.add_row(
            one.name,
            f"{one.dim}" if one.dim else "-",
            f"{one.input_size} px" if one.input_size else "-",
            f"{one.megabytes:.1f}" if one.megabytes else "-",
            f"{one.parameters:,}" if one.parameters else "-",
            f"{speeds[name]:,.0f}" if name in speeds else "-",
            f"{'yes' if one.available else 'no'}: {one.note}",
        )
    wide_console().print(table)
