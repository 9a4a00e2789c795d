"""One writer in a folder, also where the file system has no locks."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path

import pytest

from streamsel.errors import FolderLockedError, SinkError
from streamsel.record.lock import LOCK_FILE, FolderLock

HERE = socket.gethostname()


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    with pytest.raises(FolderLockedError, match="another process is writing"):
        FolderLock(tmp_path)
    first.release()
    first.release()
    FolderLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_fails_to_lock_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "made up")

    monkeypatch.setattr(fcntl, "flock", fail)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(SinkError, match=f"{tmp_path}: cannot be locked: made up"):
        FolderLock(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("without_locks")
def test_a_file_names_the_writer_where_there_are_no_locks(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    assert (tmp_path / LOCK_FILE).read_text().split() == [
        HERE,
        str(os.getpid()),
        started(os.getpid()),
    ]
    with pytest.raises(FolderLockedError, match=f"process {os.getpid()} is writing"):
        FolderLock(tmp_path)
    first.release()
    assert list(tmp_path.iterdir()) == []
    FolderLock(tmp_path).release()


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize(
    "said",
    [f"{HERE} 999999999 5", f"{HERE} {os.getpid()} 1"],
    ids=["no process", "another process of this number"],
)
def test_the_file_of_a_process_that_has_ended_is_passed_over(tmp_path: Path, said: str) -> None:
    (tmp_path / LOCK_FILE).write_text(said)
    lock = FolderLock(tmp_path)
    assert str(os.getpid()) in (tmp_path / LOCK_FILE).read_text()
    lock.release()


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("elsewhere 7 5", "process 7 on elsewhere (remove "),
        (f"elsewhere {os.getpid()} {started(os.getpid())}", "on elsewhere"),
        (f"{HERE} seven 5", f"process seven on {HERE} (remove "),
        ("", "another process (remove "),
    ],
    ids=["number", "our number", "no number", "nothing"],
)
def test_the_file_of_another_machine_counts_until_it_is_removed(
    tmp_path: Path, said: str, who: str
) -> None:
    (tmp_path / LOCK_FILE).write_text(said)
    with pytest.raises(FolderLockedError) as refused:
        FolderLock(tmp_path)
    assert who in str(refused.value)
    (tmp_path / LOCK_FILE).unlink()
    FolderLock(tmp_path).release()


@pytest.mark.usefixtures("without_locks")
def test_a_file_system_that_sqlite_cannot_lock_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(SinkError, match="refuses every lock"):
        FolderLock(tmp_path)
    assert list(tmp_path.iterdir()) == []
