"""One module opens SQLite, for everything that the product stores in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "streamsel"
SOURCES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


_OTHERS = {"_sqlite3", "apsw", "aiosqlite", "dbm", "shelve", "sqlalchemy", "sqlite_utils"}


def openings(text: str) -> Iterator[int]:
    """Lines that open a database, or name what does in a way that hides it from this search."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=ast.Name(id="sqlite3"), attr="connect" | "dbapi2"):
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="sqlite3"), attr="Connection")):
                yield node.lineno
            case ast.Import(names=names):
                for one in names:
                    is_hidden = one.name.startswith("sqlite3") and (one.asname or "." in one.name)
                    if is_hidden or one.name.partition(".")[0] in _OTHERS:
                        yield node.lineno
            case ast.ImportFrom(module=str(module)):
                if module.partition(".")[0] in {"sqlite3", *_OTHERS}:
                    yield node.lineno


@pytest.mark.parametrize(
    "text",
    [
        "import sqlite3\nsqlite3.connect('a')",
        "import sqlite3\nopened = partial(sqlite3.connect, 'a')",
        "import sqlite3\nsqlite3.Connection('a')",
        "import sqlite3\nsqlite3.dbapi2.connect('a')",
        "import sqlite3 as database",
        "import sqlite3.dbapi2",
        "from sqlite3 import connect",
        "from sqlite3.dbapi2 import connect",
        "import aiosqlite",
    ],
)
def test_each_way_to_open_a_database_is_found(text: str) -> None:
    assert [*openings(text)]


def test_one_module_opens_sqlite() -> None:
    found = {name for name, path in SOURCES.items() if [*openings(path.read_text())]}
    assert found == {"record/database.py"}
