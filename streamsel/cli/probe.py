"""``streamsel probe``: reports the video a camera sends, before it is added as a feed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from streamsel.choices import Transport
from streamsel.cli.defined import KindType, option
from streamsel.config import definitions, numbers
from streamsel.json_text import json_text
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.probe import Probe, probe

_EXAMPLES = """\b
Examples:
  streamsel probe rtsp://user:password@camera/main
  streamsel probe rtsp://camera/main --transport udp --timeout 2s
  streamsel probe rtsps://camera/main --tls-ca-file ca.pem --json
"""


@click.command("probe", epilog=_EXAMPLES)
@click.argument("address", metavar="URL")
@option("transport", definitions.Transport, "tcp")
@click.option(
    "--timeout",
    type=KindType(numbers.seconds(0.1, 3600)),
    default="5s",
    show_default=True,
    help="Timeout for opening and for receiving data.",
)
@click.option(
    "--tls-ca-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificate authorities (PEM) to trust.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    address: str, transport: Transport, timeout: float, tls_ca_file: Path | None, as_json: bool
) -> int:
    """Connect to a camera or a stream and show what it sends."""
    from streamsel.clock import SystemClock

    options = LiveOptions(
        transport=transport,
        open_timeout=timeout,
        read_timeout=timeout,
        tls_ca_file=tls_ca_file,
    )
    seen = probe(address, options, SystemClock())
    if as_json:
        click.echo(json_text(asdict(seen)))
    else:
        for name, told in _told(seen).items():
            click.echo(f"{name:<18}{told}")
    return 0


def _told(seen: Probe) -> dict[str, str]:
    return {
        "address": seen.address,
        "codec": seen.codec,
        "size": f"{seen.width}x{seen.height}",
        "declared fps": _figure(seen.declared_fps),
        "measured fps": _figure(seen.measured_fps),
        "keyframe each": _figure(seen.keyframe_interval, " s"),
        "timestamps": "fine" if seen.timestamps_fine else "missing or jumping",
        "first picture": f"after {seen.first_picture:.2f} s",
    }


def _figure(value: float | None, unit: str = "") -> str:
    return "not known" if value is None else f"{value:.2f}{unit}"
