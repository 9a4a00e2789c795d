"""Copies a run's folder while it is written: the record of one moment, with its pictures."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from streamsel.errors import ConfigurationError, DiskFullError, FolderInUseError, SinkError
from streamsel.record.beginning import UNBORN_DATABASE, remove_unborn
from streamsel.record.database import copy_into, has_log
from streamsel.record.files import (
    disk_errors,
    free_bytes,
    make_folder,
    sync_files,
    sync_path,
    write_file,
)
from streamsel.record.folder import (
    CLIPS,
    FRAMES,
    LOGOUTS,
    MANIFEST,
    find_pictures,
    foresee,
    is_whole,
    make_and_lock,
    remove_stored,
)
from streamsel.record.manifest import manifest_lines
from streamsel.record.opening import DATABASE, connect_to_read
from streamsel.record.reader import Record
from streamsel.record.rows import Rows

_MOST_PASSES = 100


@dataclass(frozen=True, slots=True)
class Backup:
    """The pictures of a backup, and how many files were copied now.

    ``missing`` pictures are named by the record, but absent in the run's own folder.
    """

    pictures: int
    copied: int
    missing: int


def back_up(folder: Path, target: Path) -> Backup:
    """Copy the run in ``folder`` to ``target``: a new folder, or an earlier backup of the run.

    The run may be written meanwhile. The record is copied as it was at one moment, and all pictures
    that it names then are there, except those that the run's own folder lacks. Clips that are
    complete and revoked logins are copied too, messages that wait for a broker are not. What an
    earlier backup holds is not copied again, and what it need not hold is deleted last: if the
    process is killed, the earlier backup is whole.

    Raises :class:`RecordError` if ``folder`` holds no run, :class:`ConfigurationError` if one
    folder lies in the other, :class:`FolderInUseError` if ``target`` holds anything else, and
    :class:`SinkError` if it cannot be written. Cost: reads the record once, and each new picture.
    """
    with Record.open(folder) as record:
        started = record.run().started
    here, there = folder.resolve(), target.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise ConfigurationError(f"{target}: a backup needs a folder outside of {folder}")
    lock = make_and_lock(target)
    try:
        _require_new_or_earlier(target, started)
        with disk_errors(target / DATABASE):
            remove_unborn(target)
            (target / UNBORN_DATABASE).touch()  # of a backup that is killed
            return _copy(folder, target)
    except DiskFullError as error:
        raise DiskFullError(
            f"{target}: the disk is full ({free_bytes(target):,} bytes free); an earlier backup in "
            "it is whole. Make room and repeat the command"
        ) from error
    finally:
        lock.release()


def _require_new_or_earlier(target: Path, started: float) -> None:
    """Raise unless the folder is new, or a backup, perhaps unfinished, of the run started then."""
    if not (target / DATABASE).exists():
        if not (target / UNBORN_DATABASE).exists():
            foresee(target, resume=True, overwrite=False)
        return
    if has_log(target / DATABASE):
        raise FolderInUseError(
            f"{target}: a run was continued here, so this is no backup; choose another folder"
        )
    with Record.open(target) as record:
        if record.run().started != started:
            raise FolderInUseError(
                f"{target}: holds another run; choose a new folder, or the backup of this run"
            )


def _copy(folder: Path, target: Path) -> Backup:
    written: list[Path] = []
    missing: set[str] | None = None
    with Record.open(folder) as record:
        # This may take hours, in which an open transaction would let SQLite's log grow.
        _copy_pictures(folder, target, record, written)
    for _ in range(_MOST_PASSES):
        with closing(connect_to_read(folder / DATABASE)) as database:
            database.execute("BEGIN")
            record = Record(Rows(folder, database))
            before, missing = missing, _copy_pictures(folder, target, record, written)
            # A picture that is gone was evicted since, or is missing for good: the next pass tells.
            if missing and missing != before:
                continue
            if (folder / LOGOUTS).exists():
                _copy_file(folder, target, LOGOUTS, written)
            sync_files(written)
            _replace_record(database, target)
            manifest = "".join(manifest_lines(record)).encode()
            write_file(target / MANIFEST, manifest, sync=True)
            claimed = _claimed(record)
            _clear_away(target, record, claimed)
            return Backup(len(claimed) - len(missing), len(written), len(missing))
    raise SinkError(f"{target}: the pictures of {folder} change faster than they can be copied")


def _copy_pictures(folder: Path, target: Path, record: Record, written: list[Path]) -> set[str]:
    """Copy the pictures and clips that the target lacks; return the pictures that are gone.

    Adds to ``written`` what it copied, which is not on disk yet.
    """
    has_clips = (folder / CLIPS).is_dir()
    missing = set()
    for path, size in _claimed(record).items():
        is_there = is_whole(target / path, size)
        if not is_there and not _copy_file(folder, target, path, written):
            missing.add(path)
        for clip in _clips_of(path) if has_clips else ():
            if not (target / clip).exists():
                _copy_file(folder, target, clip, written)
    return missing


def _claimed(record: Record) -> dict[str, int]:
    """Return the paths of the pictures that the record names, with their sizes."""
    return {path: size or 0 for _, path, size in record.pictures() if path is not None}


def _clips_of(path: str) -> Iterable[str]:
    """Return the possible names of a picture's clip."""
    stem = PurePosixPath(CLIPS, PurePosixPath(path).relative_to(FRAMES))
    return (str(stem.with_suffix(suffix)) for suffix in (".mp4", ".mkv"))


def _copy_file(folder: Path, target: Path, path: str, written: list[Path]) -> bool:
    """Copy a file; return False if it is gone."""
    try:
        content = (folder / path).read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SinkError(f"{folder / path}: cannot be read: {error.strerror}") from error
    make_folder((target / path).parent)
    write_file(target / path, content, sync=False)
    written.append(target / path)
    return True


def _replace_record(database: sqlite3.Connection, target: Path) -> None:
    copy_into(database, target / UNBORN_DATABASE)
    for suffix in ("-wal", "-shm"):  # an empty log, left by a reader that was killed
        (target / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    os.replace(target / UNBORN_DATABASE, target / DATABASE)
    sync_path(target)


def _clear_away(target: Path, record: Record, claimed: Mapping[str, int]) -> None:
    """Delete pictures and clips of earlier backups that the record does not name."""
    needed = {*claimed, *(clip for path in claimed for clip in _clips_of(path))}
    files = [*find_pictures(target, record), *(target / CLIPS).glob("*/????-??-??/??/*.m[pk][4v]")]
    for path in (file.relative_to(target).as_posix() for file in files):
        if path not in needed:
            remove_stored(target, path)
