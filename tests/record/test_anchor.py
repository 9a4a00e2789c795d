"""A folder that is unmounted or replaced while a record in it is open."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsel.errors import DiskChangedError, DiskGoneError
from streamsel.record import anchor
from streamsel.record.anchor import Anchor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "disk/kept"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "record.db")


@pytest.fixture
def moved(folder: Path) -> Anchor:
    """An anchor whose folder has gone to another place."""
    opened = Anchor(folder)
    folder.rename(folder.with_name("elsewhere"))
    return opened


@pytest.fixture
def other_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Anchor:
    """An anchor of a disk in whose place another one is mounted."""
    opened = Anchor(folder)

    def on_the_other(path: Path) -> SimpleNamespace:
        found = os.stat(path)
        return SimpleNamespace(st_dev=found.st_dev + 1, st_ino=found.st_ino)

    monkeypatch.setattr(anchor, "os", SimpleNamespace(stat=on_the_other, path=os.path))
    return opened


def is_open(database: sqlite3.Connection) -> bool:
    try:
        database.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_a_folder_that_stays_is_written_to_and_its_database_closed(
    folder: Path, database: sqlite3.Connection
) -> None:
    opened = Anchor(folder)
    (folder / "picture").touch()
    opened.require()
    opened.close(database)
    assert not is_open(database)


def test_a_folder_is_found_from_wherever_the_process_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    opened = Anchor(Path("kept"))
    monkeypatch.chdir(tmp_path)
    opened.require()


def test_a_folder_that_is_gone_is_said_to_be_and_its_database_is_closed(
    folder: Path, database: sqlite3.Connection, moved: Anchor
) -> None:
    with pytest.raises(DiskGoneError, match=rf"{folder}: .* is gone \(No such file or directory\)"):
        moved.require()
    moved.close(database)
    assert not is_open(database)


def test_another_folder_in_its_place_is_not_taken_for_it(
    folder: Path, database: sqlite3.Connection, moved: Anchor
) -> None:
    folder.mkdir()
    with pytest.raises(DiskGoneError, match="another folder is in its place"):
        moved.require()
    moved.close(database)
    assert not is_open(database)


def test_a_folder_that_is_back_is_written_to_again(folder: Path, moved: Anchor) -> None:
    with pytest.raises(DiskGoneError):
        moved.require()
    folder.with_name("elsewhere").rename(folder)
    moved.require()


def test_another_disk_in_its_place_is_not_waited_for_and_the_database_stays_open(
    folder: Path, database: sqlite3.Connection, other_disk: Anchor
) -> None:
    with pytest.raises(DiskChangedError, match=rf"{folder}: another disk .* restart to use"):
        other_disk.require()
    other_disk.close(database)
    assert is_open(database)
    (folder / "record.db").unlink()
    folder.rmdir()
    with pytest.raises(DiskChangedError):
        other_disk.require()
