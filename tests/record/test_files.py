"""Files are written whole, and errors of the disk are told in words."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsel.errors import DamagedRecordError, DiskFullError, SinkError, StreamselError
from streamsel.record.files import (
    disk_errors,
    free_bytes,
    is_passing,
    make_folder,
    sync_files,
    sync_path,
    temporary,
    write_file,
)

Told = Callable[[Exception], Exception]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What is made of an error while a database is written."""

    def raised(error: Exception) -> Exception:
        try:
            with disk_errors(tmp_path / "record.db"):
                raise error
        except (OSError, sqlite3.Error, StreamselError, ValueError) as made:
            return made

    return raised


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is flushed to the disk, in order."""
    flushed: list[Path] = []

    def fsync(descriptor: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    monkeypatch.setattr(os, "fsync", fsync)
    return flushed


def operational(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    return error


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_to_be_full(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    leave(monkeypatch, 1_234)
    error = told(OSError(number, "made up"))
    assert isinstance(error, DiskFullError)
    assert f"{tmp_path}: the disk is full (1,234 bytes free)" in str(error)


def test_another_error_of_the_system_names_the_file_it_is_about(told: Told, tmp_path: Path) -> None:
    assert str(told(PermissionError(13, "not allowed", "/a/b"))) == (
        "/a/b: cannot be written: not allowed"
    )
    for unnamed in (OSError(5, "torn"), OSError(5, "torn", 7)):
        error = told(unnamed)
        assert type(error) is SinkError
        assert str(error) == f"{tmp_path}/record.db: cannot be written: torn"


@pytest.mark.parametrize(
    ("code", "free", "kind"),
    [
        (sqlite3.SQLITE_FULL, 1 << 40, DiskFullError),
        (sqlite3.SQLITE_IOERR, 65_535, DiskFullError),
        (sqlite3.SQLITE_IOERR | 3 << 8, 0, DiskFullError),  # SQLITE_IOERR_WRITE
        (sqlite3.SQLITE_IOERR, 65_536, SinkError),
        (sqlite3.SQLITE_BUSY, 0, SinkError),
        (sqlite3.SQLITE_READONLY, 0, SinkError),
    ],
)
def test_sqlite_runs_out_of_room_where_none_is_left(
    told: Told, monkeypatch: pytest.MonkeyPatch, code: int, free: int, kind: type[SinkError]
) -> None:
    leave(monkeypatch, free)
    assert type(told(operational(code))) is kind


def test_a_database_that_is_none_is_said_to_be_damaged(told: Told) -> None:
    error = told(sqlite3.DatabaseError("file is not a database"))
    assert isinstance(error, DamagedRecordError)
    assert "record.db: not a readable record (file is not a database)" in str(error)


def test_a_mistake_of_ours_is_not_taken_for_one_of_the_disk(told: Told) -> None:
    for mistake in (sqlite3.IntegrityError("made up"), ValueError("made up")):
        assert told(mistake) is mistake


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_CANTOPEN, True),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR | 3 << 8, True),
        (sqlite3.SQLITE_LOCKED, True),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_CORRUPT, False),
        (sqlite3.SQLITE_READONLY, False),
    ],
)
def test_what_may_pass_is_tried_again(code: int, passes: bool) -> None:
    assert is_passing(operational(code)) == passes
    assert not is_passing(sqlite3.OperationalError("without a code"))


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    path = tmp_path / "picture.jpg"
    write_file(path, b"old", sync=sync)
    write_file(path, b"new", sync=sync)
    assert path.read_bytes() == b"new"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match="made up"):
            write_file(path, b"newer", sync=sync)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def refuse(*_: object) -> None:
    raise OSError(errno.EIO, "made up")


def test_content_and_name_are_on_the_disk_when_asked_for(
    tmp_path: Path, synced: list[Path]
) -> None:
    path = tmp_path / "picture.jpg"
    write_file(path, b"content", sync=False)
    assert synced == []
    write_file(path, b"content", sync=True)
    assert synced == [temporary(path), tmp_path]


def test_files_are_flushed_before_the_names_of_each_folder(
    tmp_path: Path, synced: list[Path]
) -> None:
    paths = [tmp_path / name for name in ("b/1", "a/2", "b/3")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    sync_files(paths)
    assert synced == [*paths, tmp_path / "a", tmp_path / "b"]


def test_a_new_folder_is_on_the_disk_with_its_parents(tmp_path: Path, synced: list[Path]) -> None:
    make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a/b")
    assert len(synced) == 2


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_share_that_cannot_flush_a_folder_is_no_error_but_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "made up")

    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "fsync", fail)
    sync_path(tmp_path)
    with pytest.raises(OSError, match="made up"):
        sync_path(tmp_path / "file")


def test_a_folder_that_fails_to_be_flushed_is_an_error_and_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="made up"):
        sync_path(tmp_path)
    assert set(os.listdir("/proc/self/fd")) == before


def test_room_is_that_of_the_place_where_a_file_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=len(str(path))))
    assert free_bytes(tmp_path / "not/there") == free_bytes(tmp_path) == len(str(tmp_path))
