"""Every command and option, as a page: ``python -m tests.docs.command_line PAGE``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import click

from streamsel.cli.main import cli
from streamsel.cli.option_groups import GroupedCommand, grouped
from tests.docs.marks import renew


def page() -> str:
    """Return a section for each command, in the order in which ``--help`` lists them."""
    root = click.Context(cli, info_name="streamsel", **cli.context_settings)
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
        yield from _options(command, context)
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


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a table of the options; of a long command one for each group, after its heading."""
    if isinstance(command, GroupedCommand):
        for heading, options in grouped(command.params):
            yield f"**{heading}**"
            yield _table(options, context)
    else:
        yield _table(
            [option for option in command.params if isinstance(option, click.Option)], context
        )


def _table(options: Sequence[click.Option], context: click.Context) -> str:
    records = filter(None, (option.get_help_record(context) for option in options))
    rows = [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in records]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _cell(text: str) -> str:
    # A bar ends a cell, and readers of Markdown disagree on how to escape it in code.
    return text.replace("  [", " [").replace("|", "/")


if __name__ == "__main__":
    renew(page)
