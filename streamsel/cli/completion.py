"""``streamsel completion``: prints a script with which a shell completes the command line."""

from __future__ import annotations

import os
from pathlib import PurePath

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_PROGRAM = "streamsel"
_VARIABLE = "_STREAMSEL_COMPLETE"
_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}

_EXAMPLES = """\b
Examples:
  eval "$(streamsel completion bash)"                                        in ~/.bashrc
  eval "$(streamsel completion zsh)"                                         in ~/.zshrc
  streamsel completion fish > ~/.config/fish/completions/streamsel.fish
"""


@click.command("completion", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(tuple(_SHELLS)), required=False)
@click.pass_context
def command(context: click.Context, shell: str | None) -> int:
    """Print the script that completes commands, options and files in a shell.

    Without a name it is for the shell of $SHELL. Bash needs version 4.4 or later.
    """
    name = shell or PurePath(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise click.UsageError(f"name the shell: {', '.join(_SHELLS)}")
    script = _SHELLS[name](context.find_root().command, {}, _PROGRAM, _VARIABLE)
    click.echo(script.source(), nl=False)
    return 0
