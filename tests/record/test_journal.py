"""How SQLite keeps its journal, where memory can be mapped and where it cannot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamsel.record.journal import choose_journal, open_database

Connect = Callable[[], sqlite3.Connection]


class Failing(sqlite3.Connection):
    """Fails at one statement, as where the file system cannot map memory."""

    fails_at = ""
    error: Exception = sqlite3.OperationalError()

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self.fails_at and statement.startswith(self.fails_at) and not self._is_alone():
            raise self.error
        return super().execute(statement, *values)

    def _is_alone(self) -> bool:
        return mode(self, "locking_mode") == "exclusive"


def failing(path: Path, statement: str, error: Exception) -> Connect:
    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(path, factory=Failing, isolation_level=None)
        made.fails_at, made.error = statement, error
        return made

    return connect


def operational(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "record.db"
    with sqlite3.connect(place) as database:
        database.execute("CREATE TABLE told (n)")
    database.close()
    return place


def mode(database: sqlite3.Connection, pragma: str = "journal_mode") -> str:
    return str(sqlite3.Connection.execute(database, f"PRAGMA {pragma}").fetchone()[0])


MAPPING = [
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMSIZE,
]
OTHERS = [
    operational(sqlite3.SQLITE_IOERR),
    operational(sqlite3.SQLITE_BUSY),
    sqlite3.DatabaseError("file is not a database"),
]


def test_where_memory_can_be_mapped_others_may_read_meanwhile(path: Path) -> None:
    connect = partial(sqlite3.connect, path, isolation_level=None)
    database = choose_journal(open_database(connect), connect, path)
    assert (mode(database), mode(database, "locking_mode")) == ("wal", "normal")
    database.close()


@pytest.mark.parametrize("code", MAPPING)
def test_where_it_cannot_be_a_rollback_journal_is_kept(path: Path, code: int) -> None:
    connect = failing(path, "PRAGMA journal_mode = WAL", operational(code))
    left = path.with_name("record.db-shm")
    left.touch()
    database = choose_journal(connect(), connect, path)
    assert (mode(database), mode(database, "locking_mode")) == ("delete", "normal")
    assert not left.exists()
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO told VALUES (1)")
    other.close()
    database.close()


@pytest.mark.parametrize("code", MAPPING)
def test_where_it_cannot_be_one_reads_alone(path: Path, code: int) -> None:
    database = open_database(failing(path, "PRAGMA schema_version", operational(code)))
    assert mode(database, "locking_mode") == "exclusive"
    database.close()


@pytest.mark.parametrize("error", OTHERS)
def test_another_error_is_not_taken_for_that(path: Path, error: sqlite3.Error) -> None:
    with pytest.raises(type(error)) as caught:
        open_database(failing(path, "PRAGMA schema_version", error))
    assert caught.value is error
    connect = failing(path, "PRAGMA journal_mode = WAL", error)
    database = connect()
    with pytest.raises(type(error)) as caught:
        choose_journal(database, connect, path)
    assert caught.value is error
    database.close()
