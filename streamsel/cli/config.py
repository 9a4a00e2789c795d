"""``streamsel config``: write, check and show the configuration of the service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from streamsel.cli.options import loudness_options
from streamsel.errors import ConfigurationError
from streamsel.json_text import json_text

_EXAMPLES = """\b
Examples:
  streamsel config init streamsel.yaml
  streamsel config validate streamsel.yaml
  streamsel config show streamsel.yaml --resolved
  streamsel config schema > streamsel.schema.json
"""

_INIT_EXAMPLES = """\b
Examples:
  streamsel config init
  streamsel config init /etc/streamsel/streamsel.yaml
"""

_VALIDATE_EXAMPLES = """\b
Examples:
  streamsel config validate streamsel.yaml
  GATE_PASSWORD=x streamsel config validate streamsel.yaml --json
"""

_SHOW_EXAMPLES = """\b
Examples:
  streamsel config show streamsel.yaml
  streamsel config show streamsel.yaml --resolved
  STREAMSEL_DEFAULTS__COUNT=50/h streamsel config show streamsel.yaml --json
"""

_SCHEMA_EXAMPLES = """\b
Examples:
  streamsel config schema > streamsel.schema.json
"""

_FILE = click.argument(
    "file", type=click.Path(path_type=Path), default=Path("streamsel.yaml"), required=False
)


@click.group("config", epilog=_EXAMPLES)
def command() -> None:
    """Write, check and show the configuration of the service."""


@command.command("init", epilog=_INIT_EXAMPLES)
@_FILE
def init(file: Path) -> int:
    """Write a commented FILE to start from [default: streamsel.yaml].

    An existing file is never overwritten.
    """
    from streamsel.config.template import TEMPLATE

    try:
        with file.open("x") as new:
            new.write(TEMPLATE)
    except FileExistsError:
        raise ConfigurationError(f"{file}: exists already; give another name") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from error
    click.echo(f"{file}: written; edit it, then run: streamsel config validate {file}", err=True)
    return 0


@command.command("validate", epilog=_VALIDATE_EXAMPLES)
@_FILE
@loudness_options
def validate(file: Path, quiet: bool, as_json: bool, **_: Any) -> int:
    """Check FILE together with the environment [default: streamsel.yaml].

    Prints the feeds, or every problem on a line of its own; exits 2 if there is one. Files named in
    FILE that do not exist yet are reported, but are not a problem.
    """
    from streamsel.config.load import load
    from streamsel.config.missing import missing_files
    from streamsel.wiring.checks import require_buildable

    try:
        config = load(file, os.environ)
        require_buildable(config)
    except ConfigurationError as error:
        problems = str(error).splitlines()
        if as_json:
            click.echo(json_text({"valid": False, "problems": problems, "missing": []}))
        else:
            click.echo("\n".join(problems), err=True)
        return 2
    missing = missing_files(config)
    feeds = [config.feed(name) for name in config.feeds]
    if as_json:
        told = [{"feed": feed.name, "source": feed.address, "scope": feed.scope} for feed in feeds]
        result = {"valid": True, "problems": [], "missing": missing, "feeds": told}
        click.echo(json_text(result))
    elif not quiet:
        click.echo(f"{file}: ok, {len(feeds)} feed{'s' if len(feeds) > 1 else ''}")
        for feed in feeds:
            click.echo(f"  {feed.name}: {feed.address}")
        for line in missing:
            click.echo(line, err=True)
    return 0


@command.command("show", epilog=_SHOW_EXAMPLES)
@_FILE
@click.option("--resolved", is_flag=True, help="Show all settings of each feed.")
@loudness_options
def show(file: Path, resolved: bool, as_json: bool, **_: Any) -> int:
    """Print the resulting configuration, secrets masked [default: streamsel.yaml]."""
    from streamsel.config.load import load
    from streamsel.config.show import as_yaml, shown

    values = shown(load(file, os.environ), resolved=resolved)
    click.echo(json_text(values) if as_json else as_yaml(values).rstrip())
    return 0


@command.command("schema", epilog=_SCHEMA_EXAMPLES)
def schema() -> int:
    """Print the JSON schema of a configuration, for editors."""
    from streamsel.config.schema import editor_schema

    click.echo(json_text(editor_schema(), indent=2))
    return 0
