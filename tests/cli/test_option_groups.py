"""The help of long commands is in groups."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from streamsel.cli.main import cli
from streamsel.cli.option_groups import GROUPS, GroupedCommand, grouped

# More than a screen of options.
_MANY = 16


def commands(group: click.Group = cli) -> Iterator[click.Command]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


def options(command: click.Command) -> set[str]:
    context = click.Context(command, **cli.context_settings)
    parameters = command.get_params(context)
    return {name for one in parameters if isinstance(one, click.Option) for name in one.opts}


def test_long_commands_have_groups_and_short_ones_a_list() -> None:
    long = {command.name for command in commands() if len(command.params) > _MANY}
    assert long == {command.name for command in commands() if isinstance(command, GroupedCommand)}
    assert long >= {"select", "watch", "compare", "train"}


@pytest.mark.parametrize("name", ["select", "watch", "compare", "train"])
def test_the_help_has_each_option_once_in_a_group(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    shown = CliRunner().invoke(cli, [name, "--help"]).output
    described = re.findall(r"^  (-\w), (--[\w-]+)|^  (--[\w-]+)", shown, re.MULTILINE)
    names = [each for found in described for each in found if each]
    assert sorted(names) == sorted(options(command))
    headings = re.findall(r"^(\w.*):$", shown, re.MULTILINE)
    assert len(headings) >= 5
    assert set(headings) <= GROUPS.keys(), "add the option to a group in cli/option_groups.py"


def test_every_name_in_a_group_is_an_option_somewhere() -> None:
    known = {name for command in commands() for name in options(command)}
    listed = [name for names in GROUPS.values() for name in names]
    assert set(listed) <= known
    assert len(set(listed)) == len(listed)


def test_an_option_of_no_group_is_shown_last() -> None:
    command = GroupedCommand(
        "new", params=[click.Option(["--new"], help="New."), click.Option(["-n", "--count"])]
    )
    assert [heading for heading, _ in grouped(command.params)] == [
        "Frames to keep",
        "Other options",
    ]
