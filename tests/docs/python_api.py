"""The public names of the package, as a page: ``python -m tests.docs.python_api PAGE``.

The text is that of the docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal, get_origin

import streamsel
from streamsel.api.compare import Table
from streamsel.coreset.values import Center, CenterAdded, CenterRemoved, Decision
from streamsel.evaluation.comparison import ComparisonRow
from tests.docs import option_table
from tests.docs.marks import renew

# What one calls, each with what it answers.
FUNCTIONS: dict[Callable[..., object], tuple[type, ...]] = {
    streamsel.select: (streamsel.Selection, streamsel.SelectedFrame),
    streamsel.compare: (streamsel.Comparison, Table, ComparisonRow),
    streamsel.watch: (streamsel.Kept, streamsel.Evicted),
}
CLASSES = (
    streamsel.Coreset,
    Decision,
    CenterAdded,
    CenterRemoved,
    Center,
    *(getattr(streamsel, name) for name in streamsel.__all__ if name.endswith("Error")),
)

_WIDTH = 88


def page() -> str:
    """Return a section for each name, and one for each method below it."""
    parts = []
    for function, answers in FUNCTIONS.items():
        parts += [*_callable(f"streamsel.{function.__name__}", function, level=2)]
        parts += [_arguments(function)]
        parts += [part for answer in answers for part in _class(answer)]
    return "\n\n".join([*parts, *(part for one in CLASSES for part in _class(one))])


def _arguments(function: Callable[..., object]) -> str:
    """Return a table of the arguments that are options, by the definitions of these."""
    rows = ["| argument | values | meaning |", "|---|---|---|"]
    defined = option_table.definitions_of(function.__name__)
    for name in inspect.signature(function).parameters:
        if name in defined:
            values, meaning = (text.replace("|", "\\|") for text in defined[name])
            rows.append(f"| `{name}` | {values} | {meaning} |")
    return "\n".join(rows)


def _class(one: type) -> Iterator[str]:
    public = getattr(streamsel, one.__name__, None) is one
    yield f"## {'streamsel.' if public else ''}{one.__name__}"
    if "__init__" in vars(one) and not issubclass(one, Exception):
        yield _signature(one.__name__, one)
    yield _markdown(inspect.getdoc(one) or "")
    told = {name: thing for name, thing in _members(one) if not name.startswith("_")}
    properties = {
        name: thing for name, thing in told.items() if isinstance(thing, property | cached_property)
    }
    if properties:
        rows = (f"| `{name}` | {_cell(thing)} |" for name, thing in properties.items())
        yield "\n".join(["| attribute | |", "|---|---|", *rows])
    for name, thing in told.items():
        function = getattr(thing, "__func__", thing)
        if inspect.isfunction(function):
            yield from _callable(f"{one.__name__}.{name}", function, level=3)


def _members(one: type) -> Iterator[tuple[str, object]]:
    """What a class and its bases in the package define, the bases' first."""
    for base in reversed(one.__mro__):
        if base.__module__.startswith("streamsel") and not issubclass(base, Exception):
            yield from vars(base).items()


def _callable(name: str, function: Callable[..., object], *, level: int) -> Iterator[str]:
    yield f"{'#' * level} {name}"
    yield _signature(name.rpartition(".")[2], function)
    yield _markdown(inspect.getdoc(function) or "")


def _signature(name: str, function: Callable[..., object]) -> str:
    """What is called, on one line where that fits, else a line for each argument."""
    signature = inspect.signature(function)
    arguments = []
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls") or parameter.name.startswith("_"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        arguments.append(f"{stars}{parameter.name}: {_spelled(parameter, function)}{default}")
    answer = signature.return_annotation
    after = "" if answer in (None, "None", signature.empty) else f" -> {answer}"
    line = f"{name}({', '.join(arguments)}){after}"
    if len(line) > _WIDTH:
        line = f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + f"){after}"
    return f"```text\n{line}\n```"


def _spelled(parameter: inspect.Parameter, function: Callable[..., object]) -> str:
    """An annotation; of a value, whose page has no table of options, with the words it may be."""
    alias = vars(inspect.getmodule(function)).get(str(parameter.annotation))
    is_choice = isinstance(function, type) and get_origin(alias) is Literal
    return str(alias).removeprefix("typing.") if is_choice else str(parameter.annotation)


def _cell(attribute: property | cached_property[object]) -> str:
    return " ".join(_markdown(inspect.getdoc(attribute) or "").split()).replace("|", "\\|")


def _markdown(docstring: str) -> str:
    """Turn a docstring's roles, sections and examples into those of Markdown."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", docstring).replace("``", "`")
    text = re.sub(r"^(Args|Returns|Raises):\n", r"*\1*\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"^    (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^(- .+\n)        ", r"\1  ", text, flags=re.MULTILINE)
    text = re.sub(r"^\*Returns\*\n\n    ", "*Returns*\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"^((?:>>>.*\n?(?:(?!\n|>>>).+\n?)*)+)", _example, text, flags=re.MULTILINE)
    return re.sub(r"^::\n", "", text, flags=re.MULTILINE)


def _example(found: re.Match[str]) -> str:
    return f"```pycon\n{found[1].strip()}\n```\n"


if __name__ == "__main__":
    renew(page)
