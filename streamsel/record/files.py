"""Atomic file writes, and readable messages for disk errors."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from streamsel.errors import DamagedRecordError, DiskFullError, SinkError, StreamselError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CANNOT_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_ROOM_BYTES = 65_536


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Convert errors of the system and of SQLite while writing ``path`` to our own.

    Raises :class:`DiskFullError` with the folder and the free bytes, :class:`DamagedRecordError`
    for a damaged database, :class:`SinkError` with the path for other errors.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(path) from error
        place = error.filename if isinstance(error.filename, str) else path
        raise SinkError(f"{place}: cannot be written: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        raise _explain(error, path) from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise
        raise damaged(path, error) from error


def write_file(path: Path, content: bytes, *, sync: bool) -> None:
    """Write a file atomically: at any moment its name has the old or the new content.

    The file is written under a temporary name in the same folder, then renamed. With ``sync``
    content and name are on disk when this returns; without, after :func:`sync_files`. A failure
    leaves no temporary file. Raises ``OSError``.
    """
    part = temporary(path)
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if sync:
        sync_path(path.parent)


def sync_files(paths: Iterator[Path] | list[Path]) -> None:
    """Flush files that were written without ``sync`` to disk, then their names."""
    folders = set()
    for path in paths:
        sync_path(path)
        folders.add(path.parent)
    for folder in sorted(folders):
        sync_path(folder)


def sync_path(path: Path) -> None:
    """Flush a file's content, or a folder's names, to disk.

    Network shares that cannot sync a folder flush its names by themselves, or never; nothing more
    can be done.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def temporary(path: Path) -> Path:
    """Return the temporary name of a file while it is being written."""
    return path.with_name(f".{path.name}.part")


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, and flush the new names to disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_path(folder.parent)


def free_bytes(path: Path) -> int:
    """Return the free bytes at the place where ``path`` is or would be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def is_passing(error: sqlite3.OperationalError) -> bool:
    """Whether an error of SQLite may be temporary: no space, no response, a lock."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
    )


def damaged(path: Path, why: object) -> DamagedRecordError:
    """Return the error for a database that SQLite cannot read."""
    return DamagedRecordError(
        f"{path}: not a readable record ({why}). Copy the folder back from a backup, or move it "
        "aside (mv) or choose another one; select does that with --overwrite. The pictures in it "
        "are complete, and sqlite3's .recover may save parts of the record"
    )


def _disk_full(path: Path) -> DiskFullError:
    return DiskFullError(
        f"{path.parent}: the disk is full ({free_bytes(path):,} bytes free). The record is "
        "intact: make room; a service then continues by itself, a run with --resume"
    )


def _explain(error: sqlite3.OperationalError, path: Path) -> StreamselError:
    primary = error.sqlite_errorcode & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return _disk_full(path)
    if primary == sqlite3.SQLITE_IOERR and free_bytes(path) < _NO_ROOM_BYTES:
        return _disk_full(path)
    return SinkError(f"{path}: cannot be written: {error}")
