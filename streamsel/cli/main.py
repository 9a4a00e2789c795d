"""The ``streamsel`` command and its subcommands, each imported lazily."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from streamsel.errors import (
    ConfigurationError,
    DamagedRecordError,
    PassingError,
    StreamselError,
)
from streamsel.version import __version__

_COMMANDS = {
    "select": "Keep the N most diverse frames of videos, folders, images or URLs.",
    "compare": "Compare selection methods on your own video, as a table.",
    "watch": "Watch live feeds for months: cameras, devices, streams.",
    "health": "Check that the service of a configuration responds, for supervisors.",
    "probe": "Check a feed: codec, size, rate, time to the first picture.",
    "config": "Write, check and show the configuration of a service.",
    "inspect": "Show why a frame was kept, refused or evicted, or the state of a run.",
    "forget": "Delete the frames of removed feeds and groups from a stopped service.",
    "backup": "Copy the folder of a run or a service, while it is running.",
    "export": "Export a run as JSON lines, CSV or Parquet, with embeddings.",
    "train": "Fine-tune the built-in network on your own footage, without labels.",
    "embedders": "List the available embedders with dimension, size and speed.",
    "demo": "Generate a clip, select frames from it, show the result. No download.",
    "completion": "Print the completion script of bash, zsh or fish.",
}


class _LazyGroup(click.Group):
    """Knows the name and summary of each command; imports its module when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"streamsel.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete the commands without importing them, and the options."""
        commands = [
            CompletionItem(name, help=summary)
            for name, summary in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


_HELP = """Select the few frames worth keeping from endless video.

\b
streamsel select walk.mp4 -n 100 -o kept     the 100 most diverse frames
streamsel compare walk.mp4 -n 100            what that is worth
"""


@click.group(cls=_LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="streamsel")
def cli() -> None:
    """Run one of the commands."""


def main() -> None:
    """Run the command line.

    Exits 0; 1 if something failed; 2 for a usage or configuration error, or a damaged record; 75
    for a temporary obstacle; 130 when interrupted.
    """
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except StreamselError as error:
        for line in str(error).splitlines():
            click.echo(f"streamsel: {line}", err=True)
        sys.exit(_exit_code(error))
    except BrokenPipeError:
        # The reader of our output (head, less) has exited; the interpreter must not flush to it.
        sys.stdout = None
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _exit_code(error: StreamselError) -> int:
    if isinstance(error, PassingError):
        return 75
    return 2 if isinstance(error, (ConfigurationError, DamagedRecordError)) else 1
