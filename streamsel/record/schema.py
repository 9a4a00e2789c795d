"""The tables of a kind of database, and the steps that migrate them from version to version.

A database is brought to the newest version when it is opened to be written. A reader leaves an old
one as it is, and sees it through views that the same steps define: so queries name the newest
columns and never check the version.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from streamsel.errors import StreamselError
from streamsel.record.database import in_memory, transaction

_LOG = logging.getLogger("streamsel.sinks")
_LARGE_BYTES = 256 << 20

Step: TypeAlias = Callable[[sqlite3.Connection], None]
"""Changes the tables of one version to those of the next, in a transaction of the caller.

It adds tables, and columns with a constant default (:func:`add_column`), because readers show an
old database through views: what it computes from rows would be absent there. It calls ``execute``,
never ``executescript``, which commits.
"""


@dataclass(frozen=True, slots=True)
class Schema:
    """The newest tables and indexes in SQL, and one step from each version to the next.

    The first step leads from version 1 to 2; the newest version is one more than there are steps.
    ``error`` is raised for a database that cannot be used; ``advice`` ends the message about tables
    that are not those of their version.
    """

    application_id: int
    tables: str
    indexes: tuple[str, ...]
    steps: tuple[Step, ...]
    error: type[StreamselError]
    advice: str

    @property
    def version(self) -> int:
        """The newest version, stored as ``user_version``."""
        return 1 + len(self.steps)

    def create(self, database: sqlite3.Connection) -> None:
        """Create the tables in a transaction that stays open for the first rows."""
        marks = (
            f"PRAGMA application_id = {self.application_id}; PRAGMA user_version = {self.version};"
        )
        indexes = "".join(f"{index};\n" for index in self.indexes)
        database.executescript(f"BEGIN IMMEDIATE; {marks} {self.tables} {indexes}")

    def require_known(self, database: sqlite3.Connection, path: Path) -> None:
        """Raise ``error`` for an invalid version, or one of a newer streamsel."""
        version = _version(database)
        if version > self.version:
            raise self.error(
                f"{path}: written by a newer streamsel (schema {version}, this one knows "
                f"{self.version}); it is not touched. Upgrade streamsel, restore a backup from "
                "before the upgrade, or choose another folder"
            )
        if version < 1:
            raise self.error(
                f"{path}: claims schema {version}, which no streamsel wrote; {self.advice}"
            )

    def migrate(self, database: sqlite3.Connection, path: Path) -> None:
        """Bring an open database to the newest version, all steps in one transaction.

        Raises ``error`` if its tables do not match its version, and ``sqlite3.DatabaseError``; it
        is unchanged then.
        """
        version = _version(database)
        if version == self.version:
            self._require_layout(database, path, version)
            return
        size_bytes = path.stat().st_size
        level = logging.WARNING if size_bytes >= _LARGE_BYTES else logging.INFO
        told = (path, size_bytes / 1e6, version, self.version)
        _LOG.log(level, "%s: migrating %.1f MB from schema %d to %d", *told)
        with transaction(database):
            for step in self.steps[version - 1 :]:
                step(database)
            self._require_layout(database, path, version)
            for index in self.indexes:
                database.execute(index)
            database.execute(f"PRAGMA user_version = {self.version}")
        _LOG.log(level, "%s: migrated %.1f MB from schema %d to %d", *told)

    def read_as_newest(self, database: sqlite3.Connection, path: Path) -> None:
        """Make an open database of any version readable by queries for the newest.

        Nothing is written: the steps run on an empty copy of its tables, and what they add becomes
        views of this connection. Raises as :meth:`migrate` does.
        """
        version = _version(database)
        if version == self.version:
            self._require_layout(database, path, version)
            return
        with closing(in_memory()) as copy:
            for name, statement in _tables(database):
                if name in _newest_columns(self):
                    copy.execute(statement)
            for step in self.steps[version - 1 :]:
                step(copy)
            self._require_layout(copy, path, version)
            database.execute("PRAGMA temp_store = MEMORY")
            for statement in _additions(database, copy):
                database.execute(statement)

    def _require_layout(self, database: sqlite3.Connection, path: Path, version: int) -> None:
        """Raise if columns of the newest version are missing; ``version`` is the claimed one."""
        present = {name: set(_columns(database, name)) for name, _ in _tables(database)}
        for table, wanted in _newest_columns(self).items():
            if missing := wanted - present.get(table, set()):
                raise self.error(
                    f"{path}: claims schema {version}, but its table {table!r} has no column "
                    f"{min(missing)!r}; {self.advice}"
                )


def add_column(database: sqlite3.Connection, table: str, name: str, kind: str) -> None:
    """Add a column at the end of a table, unless it is there or there is no such table.

    ``kind`` is its type in SQL; ``NOT NULL`` needs a constant default. What is missing afterwards
    is refused by :meth:`Schema.migrate`, with its name.
    """
    if (present := _columns(database, table)) and name not in present:
        database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _additions(old: sqlite3.Connection, new: sqlite3.Connection) -> Iterator[str]:
    """Yield statements that show in a database what another one has in addition."""
    for table, statement in _tables(new):
        if not (present := _columns(old, table)):
            yield statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)
        elif added := {
            name: default for name, default in _columns(new, table).items() if name not in present
        }:
            shown = ", ".join(f"{default or 'NULL'} AS {name}" for name, default in added.items())
            yield f"CREATE TEMP VIEW {table} AS SELECT *, {shown} FROM main.{table}"


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _tables(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return name and SQL of each table."""
    return database.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()


def _columns(database: sqlite3.Connection, table: str) -> dict[str, str | None]:
    """Return the columns of a table with their defaults in SQL; empty if there is no such table."""
    return dict(
        database.execute("SELECT name, dflt_value FROM pragma_table_info(?, 'main')", (table,))
    )


@cache
def _newest_columns(schema: Schema) -> dict[str, set[str]]:
    with closing(in_memory()) as database:
        database.executescript(schema.tables)
        return {name: set(_columns(database, name)) for name, _ in _tables(database)}
