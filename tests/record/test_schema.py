"""Steps from version to version, for any database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.errors import SinkError
from streamsel.record.database import in_memory
from streamsel.record.schema import Schema, add_column


def _add_size(database: sqlite3.Connection) -> None:
    add_column(database, "things", "size", "INTEGER NOT NULL DEFAULT 7")


def _add_places(database: sqlite3.Connection) -> None:
    add_column(database, "things", "place", "TEXT")
    database.execute("CREATE TABLE IF NOT EXISTS places (name TEXT PRIMARY KEY) STRICT")


NEWEST = Schema(
    application_id=77,
    tables=(
        "CREATE TABLE things (name TEXT, size INTEGER NOT NULL DEFAULT 7, place TEXT) STRICT;"
        "CREATE TABLE places (name TEXT PRIMARY KEY) STRICT;"
    ),
    indexes=("CREATE INDEX IF NOT EXISTS things_by_place ON things (place)",),
    steps=(_add_size, _add_places),
    error=SinkError,
    advice="ask",
)
FIRST = replace(NEWEST, tables="CREATE TABLE things (name TEXT) STRICT;", indexes=(), steps=())
SECOND = replace(
    FIRST,
    tables="CREATE TABLE things (name TEXT, size INTEGER NOT NULL DEFAULT 7) STRICT;",
    steps=(_add_size,),
)
PLACE = Path(__file__)


def made(schema: Schema) -> sqlite3.Connection:
    database = in_memory()
    schema.create(database)
    database.execute("INSERT INTO things (name) VALUES ('hat')")
    database.execute("COMMIT")
    return database


def dump(database: sqlite3.Connection) -> list[list[object]]:
    """Version, tables and rows of a database itself, without what this connection shows."""
    queries = (
        "PRAGMA user_version",
        "SELECT * FROM main.sqlite_master",
        "SELECT * FROM main.things",
    )
    return [database.execute(query).fetchall() for query in queries]


@pytest.mark.parametrize("old", [FIRST, SECOND, NEWEST])
def test_every_version_is_shown_and_migrated_as_the_newest(old: Schema) -> None:
    with closing(made(old)) as shown, closing(made(old)) as migrated:
        was = dump(shown)
        NEWEST.read_as_newest(shown, PLACE)
        NEWEST.migrate(migrated, PLACE)
        for database in (shown, migrated):
            assert database.execute("SELECT * FROM things").fetchall() == [("hat", 7, None)]
            assert database.execute("SELECT name FROM places").fetchall() == []
        assert dump(shown) == was
        assert migrated.execute("PRAGMA user_version").fetchone() == (NEWEST.version,)
        indexes = migrated.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql > ''"
        )
        assert indexes.fetchall() == [("things_by_place",)]


def test_steps_run_in_order_each_once_and_only_the_later_ones() -> None:
    ran: list[int] = []
    steps = [lambda _, number=number: ran.append(number) for number in range(2, 6)]
    longer = replace(SECOND, steps=tuple(steps))
    with closing(made(SECOND)) as database:
        longer.migrate(database, PLACE)
        longer.migrate(database, PLACE)
        assert ran == [3, 4, 5]
        assert database.execute("PRAGMA user_version").fetchone() == (5,)


@pytest.mark.parametrize("at", [1, 2])
def test_a_step_that_fails_leaves_everything_as_it_was(at: int) -> None:
    def fail(database: sqlite3.Connection) -> None:
        _add_places(database)
        database.execute("INSERT INTO nothing VALUES (1)")

    steps = list(NEWEST.steps)
    steps.insert(at, fail)
    failing = replace(NEWEST, steps=tuple(steps))
    with closing(made(FIRST)) as database:
        was = dump(database)
        with pytest.raises(sqlite3.OperationalError, match="nothing"):
            failing.migrate(database, PLACE)
        assert not database.in_transaction
        assert dump(database) == was


def test_tables_that_stay_behind_after_the_steps_are_refused_and_unchanged() -> None:
    forgetful = replace(NEWEST, steps=(_add_size, lambda _: None))
    with closing(made(FIRST)) as database:
        was = dump(database)
        for use in (forgetful.migrate, forgetful.read_as_newest):
            with pytest.raises(SinkError, match=r"schema 1, but .*'things' has no .*'place'; ask"):
                use(database, PLACE)
        assert dump(database) == was
