"""Every command and option, as a page: ``python -m tests.docs.command_line PAGE``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from streamsel.cli.main import cli
from tests.docs.marks import renew


def page() -> str:
    """Return a section for each command, in the order in which ``--help`` lists them."""
    root = click.Context(cli, info_name="streamsel")
    return "\n\n".join(part for name in cli.list_commands(root) for part in _parts(root, cli, name))


def _parts(parent: click.Context, group: click.Group, name: str) -> Iterator[str]:
    command = group.get_command(parent, name)
    assert command is not None, name
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * (2 + context.command_path.count(' ') - 1)} {context.command_path}"
    yield f"```text\n{context.get_usage().removeprefix('Usage: ')}\n```"
    yield from _paragraphs(command.help or "")
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _parts(context, command, below)
    else:
        yield _options(command, context)
        yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterator[str]:
    """Yield each paragraph; those that click may not wrap (``\\b``) as they are."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        told = paragraph.removeprefix("\b\n")
        if told == paragraph:
            yield told
        else:
            lines = told.removeprefix("Examples:\n")
            yield f"```text\n{inspect.cleandoc(lines)}\n```"


def _options(command: click.Command, context: click.Context) -> str:
    told = (option for option in command.params if isinstance(option, click.Option))
    records = filter(None, (option.get_help_record(context) for option in told))
    rows = [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in records]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _cell(text: str) -> str:
    # A bar ends a cell, and readers of Markdown disagree on how to escape it in code.
    return text.replace("  [", " [").replace("|", "/")


if __name__ == "__main__":
    renew(page)
