"""A run's folder: who may write to it, which files belong to the run, removal of leftovers."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from streamsel.errors import ConfigurationError, FolderInUseError, RecordError
from streamsel.frame import Frame, FrameKey
from streamsel.record.beginning import remove_unborn, unborn_names
from streamsel.record.files import disk_errors, make_folder, sync_path, temporary
from streamsel.record.lock import LOCK_FILE, FolderLock
from streamsel.record.opening import DATABASE, connect_to_write, require_ours
from streamsel.record.reader import Record
from streamsel.record.rows import Rows

FRAMES = "frames"
CLIPS = "clips"
MANIFEST = "manifest.jsonl"
BALLAST = ".reserve"
"""A reserve file that a service deletes when the disk is full, to write its record."""

LOGOUTS = ".logouts"
"""The revoked logins of a service: one line each, with expiry time and name."""

ASIDE = "set-aside"
"""Prefix of folders with unreadable records; a number follows."""

_ASIDE_NAME = re.compile(rf"{ASIDE}-\d+")
_LOG = logging.getLogger("streamsel.sinks")
_FILE_NAME = re.compile(r"\.?(\d{6,})_-?\d{4,}\.\d{3}\.(?:jpg|png|webp|avif)(\.part)?")
_LIVE_NAME = re.compile(r"\.?\d{8}T\d{6}\.\d{6}Z_(.+)-\d{6,}\.(?:jpg|png|webp|avif)(?:\.part)?")
_DAY_AND_HOUR = re.compile(r"\d{4}-\d\d-\d\d/\d\d")


def make_and_lock(folder: Path) -> FolderLock:
    """Create the folder if missing, and lock it."""
    _require_folder(folder)
    with disk_errors(folder):
        make_folder(folder)
    return FolderLock(folder)


Use: TypeAlias = Literal["new", "resumed", "replaced"]


def foresee(folder: Path, *, resume: bool, overwrite: bool) -> Use:
    """Return what a folder would be used for, without changing anything; it need not exist.

    A new or empty folder can always be used. A run in it is continued with ``resume``, and replaced
    with ``overwrite``, or if it never read a frame. Raises :class:`FolderInUseError` for a run with
    neither option, and for a folder with foreign files.
    """
    if resume and overwrite:
        raise ConfigurationError("give either resume or overwrite, not both")
    _require_folder(folder)
    if not _holds_run(folder):
        return "new"
    if resume:
        return "resumed"
    if not overwrite and not is_unread(folder):
        raise FolderInUseError(
            f"{folder}: holds a run; continue it with --resume, replace it with --overwrite, "
            "or choose another folder"
        )
    return "replaced"


def prepare(folder: Path, *, resume: bool, overwrite: bool) -> Literal["new", "resumed"]:
    """Prepare a locked folder for the use returned by :func:`foresee`; raises the same errors.

    Replacing a run deletes the pictures in its record, the record and the manifest, and nothing
    else. An unreadable record is moved aside, together with the files that may belong to it.
    """
    use = foresee(folder, resume=resume, overwrite=overwrite)
    if use == "resumed":
        require_ours(folder / DATABASE)
    with disk_errors(folder):
        remove_unborn(folder)
    if use == "resumed":
        return "resumed"
    if use == "replaced":
        try:
            _clear(folder)
        except RecordError as error:
            _set_aside(folder, error)
    return "new"


def _holds_run(folder: Path) -> bool:
    """Whether a folder holds a run; raises :class:`FolderInUseError` for foreign files."""
    with disk_errors(folder):
        present = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    present -= {*unborn_names(), LOCK_FILE}
    if all(_ASIDE_NAME.fullmatch(name) for name in present):
        return False
    if DATABASE not in present:
        raise FolderInUseError(
            f"{folder}: holds files that are not a run of streamsel (such as {min(present)}); "
            "choose a new or an empty folder"
        )
    return True


def picture_path(frame: Frame, suffix: str) -> str:
    """Return the file name of a kept frame relative to the run's folder: feed, index, media time.

    A frame of a live feed is named by the day, hour and time of its receipt, in UTC.

    >>> from fractions import Fraction
    >>> from streamsel.frame import Picture
    >>> frame = Frame(FrameKey("walk", 123), 123, Fraction(1, 25), 4.92, 640, 480, Picture(None))
    >>> picture_path(frame, "jpg")
    'frames/walk/000123_00004.920.jpg'
    >>> from dataclasses import replace
    >>> picture_path(replace(frame, wall_time=1763806530.25), "jpg")
    'frames/walk/2025-11-22/10/20251122T101530.250000Z_walk-000123.jpg'
    """
    if frame.wall_time is not None:
        return f"{FRAMES}/{frame.key.feed}/{live_name(frame)}.{suffix}"
    return f"{FRAMES}/{frame.key.feed}/{frame.key.index:06d}_{frame.media_time:09.3f}.{suffix}"


def live_name(frame: Frame) -> str:
    """Return day, hour and file name without suffix for a frame of a live feed."""
    moment = datetime.fromtimestamp(frame.wall_time or 0.0, UTC)
    return f"{moment:%Y-%m-%d/%H/%Y%m%dT%H%M%S.%fZ}_{frame.key}"


def is_live_name(stem: str) -> bool:
    """Whether a file name without suffix may come from :func:`live_name`."""
    return _LIVE_NAME.fullmatch(f"{stem}.jpg") is not None


def sweep(
    folder: Path, record: Record, disclaim: Callable[[Sequence[FrameKey]], None]
) -> list[FrameKey]:
    """Make folder and record consistent after a killed run; return frames without a picture.

    Deletes temporary files and pictures that the record does not claim; unclaims files that are
    missing or incomplete, by ``disclaim`` of the writer. Files that no run can have written are
    left alone.
    """
    with disk_errors(folder):
        claimed = set()
        missing, broken = [], []
        for key, path, size in record.pictures():
            if path is None:
                missing.append(key)
            elif not is_whole(folder / path, size):
                broken.append(key)
            else:
                claimed.add(path)
        for file in list(find_pictures(folder, record)):
            path = file.relative_to(folder).as_posix()
            if path not in claimed:
                remove_stored(folder, path)
    if broken:
        disclaim(broken)
    return missing + broken


def remove_stored(folder: Path, path: str) -> None:
    """Delete a picture or clip, and its day and hour folders if they are empty now.

    A missing file is ignored. Raises ``OSError``.
    """
    place = folder / path
    place.unlink(missing_ok=True)
    if _DAY_AND_HOUR.fullmatch("/".join(place.parts[-3:-1])):
        _remove_if_empty(place.parent)
        _remove_if_empty(place.parent.parent)


def is_whole(path: Path, size: int | None) -> bool:
    """Whether there is a file of this size."""
    return path.is_file() and path.stat().st_size == size


def find_pictures(folder: Path, record: Record) -> Iterator[Path]:
    """Yield the pictures that a run with this record wrote into the folder, complete or not."""
    ever_kept = record.ever_kept()
    for feed in record.feeds():
        place = folder / FRAMES / feed.name
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            name = _FILE_NAME.fullmatch(path.name)
            if name and path.is_file() and FrameKey(feed.name, int(name[1])) in ever_kept:
                yield path
        # Pictures of live feeds are two folders down. Their names identify them without a row: a
        # file may have been written just before its row would have been.
        for path in sorted(place.glob("????-??-??/??/*")):
            name = _LIVE_NAME.fullmatch(path.name)
            if name and path.is_file() and name[1] == feed.name:
                yield path


def _clear(folder: Path) -> None:
    """Delete a run, its record last, so that a crash leaves a recognisable run."""
    with closing(connect_to_write(folder / DATABASE, strict=True)) as database:
        record = Record(Rows(folder, database))
        with disk_errors(folder):
            for path in list(find_pictures(folder, record)):
                remove_stored(folder, path.relative_to(folder).as_posix())
            for feed in record.feeds():
                _remove_if_empty(folder / FRAMES / feed.name)
            _remove_if_empty(folder / FRAMES)
            for name in (MANIFEST, BALLAST):
                (folder / name).unlink(missing_ok=True)
                temporary(folder / name).unlink(missing_ok=True)
    with disk_errors(folder):
        for name in (f"{DATABASE}-wal", f"{DATABASE}-shm", DATABASE):
            (folder / name).unlink(missing_ok=True)


def is_unread(folder: Path) -> bool:
    """Whether a folder holds a file run without a single recorded frame."""
    try:
        with Record.open(folder) as record:
            begun = any(feed.recorded for feed in record.feeds())
            return not begun and record.run().plan.method != "live"
    except RecordError:
        return False


def _set_aside(folder: Path, why: RecordError) -> None:
    """Move an unreadable record to a folder of its own, with the files that may belong to it.

    The record is moved last, so that a crash leaves a folder that is set aside again.
    """
    number = 1
    while (aside := folder / f"{ASIDE}-{number}").exists() and (aside / DATABASE).exists():
        number += 1
    with disk_errors(aside):
        make_folder(aside)
        for name in (
            *(FRAMES, MANIFEST, BALLAST),
            *(f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", DATABASE),
        ):
            if (folder / name).exists():
                os.replace(folder / name, aside / name)
        sync_path(aside)
        sync_path(folder)
    _LOG.warning("%s. It is moved to %s, with the pictures beside it", why, aside)


def _require_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FolderInUseError(f"{folder}: is a file; name a folder that is new, empty or ours")


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
