"""``streamsel health``: checks that the service of a configuration responds."""

from __future__ import annotations

import os
from pathlib import Path

import click

from streamsel.errors import ConfigurationError

_HELP = """Check that the service of a configuration responds, on this machine.

\b
streamsel health -c /etc/streamsel/streamsel.yaml

For supervisors of containers. It uses the configured address and port, TLS if the service does, and
no token. Exits 0 if the service responds within 4 s, else 1.
"""


@click.command(help=_HELP)
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("streamsel.yaml"),
    help="Configuration of the service.  [default: streamsel.yaml]",
)
def command(file: Path) -> int:
    """Check the service; errors give the reason."""
    from streamsel.config.load import load
    from streamsel.http.health import require_healthy

    service = load(file, os.environ).service
    if service is None:
        raise ConfigurationError(f"{file}: service is null, so nothing answers")
    require_healthy(service.listen, speaks_tls=service.tls is not None)
    return 0
