"""The pages that are made from the code are current, and those that are written tell the truth."""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import streamsel
from streamsel.record.migrations import RECORD
from tests.docs import command_line, option_table, python_api
from tests.docs.marks import with_part

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_COLUMN = re.compile(r"^\| `(\w+)` \| (INTEGER|REAL|TEXT|BLOB)(, may be null)? \|", re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "make"),
    [("cli", command_line.page), ("options", option_table.page), ("python", python_api.page)],
)
def test_what_is_made_from_the_code_is_current(name: str, make: Callable[[], str]) -> None:
    page = (REFERENCE / f"{name}.md").read_text()
    assert with_part(page, make()) == page, (
        f"run: python -m {make.__module__} docs/reference/{name}.md"
    )


@pytest.mark.parametrize("option", option_table.options())
def test_every_option_is_on_every_surface_or_in_the_table_of_exceptions(option: str) -> None:
    commands = option_table.options()[option]
    in_python = [option_table.is_argument(option, command) for command in commands]
    assert all(in_python) != (option in option_table.NOT_IN_PYTHON)
    in_configuration = option in option_table.CONFIGURATION
    assert in_configuration != (option in option_table.NOT_IN_CONFIGURATION)


def test_every_exception_is_that_of_an_option() -> None:
    exceptions = option_table.NOT_IN_PYTHON.keys() | option_table.NOT_IN_CONFIGURATION.keys()
    assert exceptions <= option_table.options().keys()


def test_a_page_without_marks() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_part("# Python\n", "what is made")


def test_every_public_name_is_told() -> None:
    page = (REFERENCE / "python.md").read_text()
    told = set(re.findall(r"^## streamsel\.(\w+)$", page, re.MULTILINE))
    assert told == set(streamsel.__all__) - {"__version__"}


@pytest.mark.parametrize("name", option_table.FUNCTIONS)
def test_every_argument_is_described(name: str) -> None:
    described = option_table.definitions_of(name)
    arguments = inspect.signature(option_table.FUNCTIONS[name]).parameters
    # What is given, and where the result goes, is in the text.
    others = {"inputs", "feeds", "output", "resume", "overwrite", "decode", "per_input", "plot"}
    assert arguments.keys() - described.keys() <= others | {"progress"}
    assert all(values and meaning for values, meaning in described.values())


def test_the_tables_of_the_record_are_those_of_the_database() -> None:
    page = (REFERENCE / "record.md").read_text()
    told = {
        name: [(column, kind, bool(null)) for column, kind, null in _COLUMN.findall(section)]
        for name, section in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S)
        if _COLUMN.search(section)
    }
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(RECORD.tables)
        names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        real = {
            name: [
                (column, kind, not (required or key))
                for _, column, kind, required, _, key in database.execute(
                    f"PRAGMA table_info({name})"
                )
            ]
            for (name,) in names
        }
    assert told == real
    assert f"`{RECORD.application_id:#x}`" in page
    assert f"**{RECORD.version}**" in page
