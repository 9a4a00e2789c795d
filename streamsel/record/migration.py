"""Migrates records of earlier versions to the current tables.

One list of additions defines both the changes that update an old record when it is continued, and
the views that present an old record with the current columns. So queries name the newest columns
and never check the version.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from streamsel.errors import RecordError
from streamsel.record.tables import INDEXES, SCHEMA_VERSION, TABLES


@dataclass(frozen=True, slots=True)
class Column:
    """A column added at the end of a table; ``default`` is its value in SQL."""

    table: str
    name: str
    kind: str
    default: str = "NULL"

    @property
    def declaration(self) -> str:
        """The column's definition in SQL; a column with a default is never null."""
        filled = "" if self.default == "NULL" else f" NOT NULL DEFAULT {self.default}"
        return f"{self.name} {self.kind}{filled}"


@dataclass(frozen=True, slots=True)
class Additions:
    """Columns and tables that a version added; tables with their definitions."""

    columns: tuple[Column, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)


ADDED = {
    2: Additions(
        columns=(
            Column("feeds", "reserved", "INTEGER", "0"),
            Column("feeds", "last_media", "REAL"),
            Column("feeds", "last_wall", "REAL"),
            Column("feeds", "status", "TEXT"),
            Column("kept", "scope", "TEXT"),
            Column("kept", "pinned", "INTEGER", "0"),
            Column("kept", "gone", "INTEGER"),
        ),
        tables={"selections": "scope TEXT PRIMARY KEY, state BLOB NOT NULL"},
    ),
    3: Additions(
        columns=(
            Column("runs", "settled", "INTEGER"),
            Column("feeds", "display_name", "TEXT"),
            Column("frames", "recorded", "REAL"),
            Column("frames", "original", "TEXT"),
        )
    ),
}
"""Additions by version.

Version 1 had only file runs; version 2 had no appended inputs, no display names of feeds, and no
recording times of files."""


def require_known(database: sqlite3.Connection, path: Path) -> None:
    """Raise :class:`RecordError` for an invalid version, or one of a newer streamsel."""
    version = _version(database)
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"{path}: written by a newer streamsel (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade streamsel to read it"
        )
    if version < 1:
        raise RecordError(f"{path}: claims schema {version}, which no streamsel wrote; {_ADVICE}")


def migrate(database: sqlite3.Connection, path: Path) -> None:
    """Update an open record to the newest version, in one transaction.

    Raises :class:`RecordError` if its tables do not match its version; it is unchanged then. Raises
    ``sqlite3.DatabaseError``.
    """
    _require_layout(database, path)
    if _version(database) == SCHEMA_VERSION:
        return
    columns, tables = _lacking(database)
    changes = [
        *(f"ALTER TABLE {one.table} ADD COLUMN {one.declaration}" for one in columns),
        *(f"CREATE TABLE {name} ({body}) STRICT, WITHOUT ROWID" for name, body in tables.items()),
    ]
    script = "".join(f"{change};\n" for change in changes)
    try:
        database.executescript(
            f"BEGIN IMMEDIATE;\n{script}{INDEXES}PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
        )
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def read_as_newest(database: sqlite3.Connection, path: Path) -> None:
    """Make an open record of any version readable by queries for the newest, without writing.

    Raises :class:`RecordError` if its tables do not match its version.
    """
    _require_layout(database, path)
    columns, tables = _lacking(database)
    database.execute("PRAGMA temp_store = MEMORY")
    for table in sorted({column.table for column in columns}):
        added = ", ".join(f"{one.default} AS {one.name}" for one in columns if one.table == table)
        database.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {added} FROM main.{table}")
    for name, body in tables.items():
        database.execute(f"CREATE TEMP TABLE {name} ({body}) STRICT, WITHOUT ROWID")


def _require_layout(database: sqlite3.Connection, path: Path) -> None:
    """Raise if columns are missing, except those of later versions."""
    present, version = _columns(database), _version(database)
    for table, wanted in _newest_layout().items():
        if missing := wanted - present.get(table, frozenset()) - _later(table, version):
            raise RecordError(
                f"{path}: claims schema {version}, but its table {table!r} has no column "
                f"{min(missing)!r}; {_ADVICE}"
            )


_ADVICE = (
    "it was changed by another program. Choose another folder, or move this one aside with "
    "--overwrite"
)


def _later(table: str, version: int) -> set[str]:
    """Return the columns of a table that later versions added."""
    if any(table in added.tables for number, added in ADDED.items() if number > version):
        return set(_newest_layout()[table])
    return {
        column.name
        for number, added in ADDED.items()
        for column in added.columns
        if number > version and column.table == table
    }


def _lacking(database: sqlite3.Connection) -> tuple[list[Column], dict[str, str]]:
    """Return the additions that this record lacks, whatever its version."""
    present = _columns(database)
    columns = [
        column
        for added in ADDED.values()
        for column in added.columns
        if column.name not in present[column.table]
    ]
    tables = {
        name: body
        for added in ADDED.values()
        for name, body in added.tables.items()
        if name not in present
    }
    return columns, tables


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _columns(database: sqlite3.Connection) -> dict[str, frozenset[str]]:
    return {table: frozenset(columns) for table, columns in _tables(database)}


def _tables(database: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    names = database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        rows = database.execute("SELECT name FROM pragma_table_info(?, 'main')", (name,))
        yield name, [column for (column,) in rows]


@cache
def _newest_layout() -> dict[str, frozenset[str]]:
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(TABLES)
        return _columns(database)
    finally:
        database.close()
