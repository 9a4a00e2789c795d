"""Where every option stands, as a page: ``python -m tests.docs.option_table PAGE``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

import streamsel
from streamsel.cli.defined import DefinedOption
from streamsel.cli.main import cli
from streamsel.config.annotated import Definition
from streamsel.config.places import PLACES
from streamsel.config.reference import value_of
from streamsel.config.sections.base import meaning_of
from streamsel.config.sections.feeds import Defaults, PrefilterConfig
from streamsel.config.sections.sinks import DiskConfig, PicturesConfig
from tests.docs.marks import renew

FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "select": streamsel.select,
    "compare": streamsel.compare,
    "watch": streamsel.watch,
}
"""The functions of Python that have the options of the command of the same name."""

_ANOTHER = {"calibration"}
"""Names that mean another thing to the prefilter than to a command."""

CONFIGURATION: Mapping[str, str] = {
    **{
        name: f"defaults.prefilter.{name}"
        for name in PrefilterConfig.model_fields
        if name not in _ANOTHER
    },
    **{name: ".".join(path) for name, path in PLACES.items() if path[-1] == name},
}
"""The place of every option in a configuration that has its name there."""

_KEEP = "`defaults.prefilter.{}: {}`, for a configuration switches a check off where its limit is"
_FILES = "a feed has no end, so "

NOT_IN_CONFIGURATION: Mapping[str, str] = {
    "config": "this is the file itself",
    "feed": "`feeds`, by name",
    "output": "`sinks.disk.path`, beside the other options of the folder",
    "quiet": "`log_level: warning`",
    "verbose": "`log_level: debug`",
    "json": "events are sent by MQTT and HTTP",
    "from_file": "`feeds` is the list",
    "dry_run": "`streamsel config validate` checks the file",
    "resume": "a service always continues what its folder holds",
    "overwrite": "a service never replaces what its folder holds",
    "per_input": "every feed has its own count; `group` joins feeds",
    "method": f"{_FILES}only the online method can be used",
    "calibration": "always on the way: a feed decides at once, and frames that wait need memory",
    "seed": "the online method makes no random choice",
    "start": f"{_FILES}it is read from the moment at which it is opened",
    "end": f"{_FILES}it is read until it is removed",
    "jobs": "all feeds are read at the same time",
    "hwaccel": "feeds are decoded in software",
    "embeddings": "there are no vectors of frames that have not been seen yet",
    "plot": "a service compares no methods",
    "sink": "`sinks.plugins`, by name, each with its options",
    "keep_exact_duplicates": _KEEP.format("exact_duplicates", "false"),
    "keep_unchanged": _KEEP.format("unchanged_mean", "null"),
    "keep_corrupt": _KEEP.format("corrupt", "false"),
    "keep_black": _KEEP.format("black_share", "null"),
    "keep_uniform": _KEEP.format("uniform_share", "null"),
    "keep_frozen": _KEEP.format("freeze_seconds", "null"),
    "frozen_after": "`defaults.prefilter.freeze_seconds`, beside the other limits",
    "unchanged_level": "`defaults.prefilter.unchanged_mean`, beside `unchanged_cell`",
}
"""Why an option of a command is not in a configuration under its name; where it is instead."""

NOT_IN_PYTHON: Mapping[str, str] = {
    "config": "the arguments say what the file says",
    "feed": "`feeds`, a mapping",
    "listen": "a program shows the events itself",
    "quiet": "`progress=False`; `watch` writes to the logger `streamsel`",
    "verbose": "the result holds everything; `watch` writes to the logger `streamsel`",
    "json": "`selection.summary.as_json()`, `table.as_json()`; events are objects",
    "from_file": "`inputs` may be any sequence of paths",
    "dry_run": "it prints a forecast for people",
}
"""Why an option of a command is not an argument of its function; what there is instead."""


def options() -> dict[str, list[str]]:
    """Return the commands of every option, by the option's name with underscores."""
    found: dict[str, list[str]] = {}
    for name in FUNCTIONS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                long = max(option.opts, key=len).removeprefix("--").replace("-", "_")
                found.setdefault(long, []).append(name)
    return found


def is_argument(option: str, command: str) -> bool:
    """Whether the function of a command has an argument with the name of the option."""
    return option in inspect.signature(FUNCTIONS[command]).parameters


def definitions_of(command: str) -> dict[str, tuple[str, str]]:
    """Return the valid values and the meaning of the options of a function, by name.

    Those of ``watch`` are those of a configuration; the others are those of the command.
    """
    if command == "watch":
        return {
            name: (_in_python(value_of(field)), _in_python(meaning_of(field)))
            for section in (Defaults, PicturesConfig, DiskConfig)
            for name, field in section.model_fields.items()
        }
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    return {
        option.name or "": _described(option.definition)
        for option in found.params
        if isinstance(option, DefinedOption)
    }


def _in_python(text: str) -> str:
    for written, here in (
        ("null: ", "None: "),
        ("`true` or `false`", "`True` or `False`"),
        ("keys, see below", "a mapping: see the [configuration](configuration.md)"),
    ):
        text = text.replace(written, here)
    return text


def _described(definition: Definition) -> tuple[str, str]:
    assert definition.doc is not None
    told, absent = definition.doc.text, definition.doc.absent
    values = ", ".join(f"`{choice}`" for choice in definition.choices)
    if definition.kind is not None:
        values = definition.kind.told
    elif definition.type is bool:
        values = "`True` or `False`"
    return values or "text", told if absent is None else f"{told}; None: {absent}"


def page() -> str:
    """Return a table of all options, and one of the exceptions."""
    return "\n\n".join(
        ["## Every option", _table(_places()), "## Exceptions", _table(_exceptions())]
    )


def _places() -> Iterator[tuple[str, ...]]:
    yield ("option", "commands", "Python", "configuration")
    for option, commands in sorted(options().items()):
        functions = [command for command in commands if is_argument(option, command)]
        argument = f"`{option}` of `{'`, `'.join(functions)}`" if functions else "see below"
        key = f"`{CONFIGURATION[option]}`" if option in CONFIGURATION else "see below"
        yield (_long(option), ", ".join(commands), argument, key)


def _exceptions() -> Iterator[tuple[str, ...]]:
    yield ("option", "is not in", "because, or instead")
    for surface, reasons in (("Python", NOT_IN_PYTHON), ("configuration", NOT_IN_CONFIGURATION)):
        for option, reason in sorted(reasons.items()):
            yield (_long(option), surface, reason)


def _long(option: str) -> str:
    return f"`--{option.replace('_', '-')}`"


def _table(rows: Iterator[tuple[Any, ...]]) -> str:
    heading, *others = rows
    lines = [heading, ["---"] * len(heading), *others]
    return "\n".join(f"| {' | '.join(cells)} |".replace("| --- ", "|---") for cells in lines)


if __name__ == "__main__":
    renew(page)
