"""Deletes the frames of removed feeds and groups while the service is stopped."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from streamsel.clock import SystemClock
from streamsel.decisions import Evicted, SelectionUpdate
from streamsel.errors import ConfigurationError, FolderLockedError
from streamsel.record.reader import Record
from streamsel.record.resuming import require_service
from streamsel.record.values import GoneScope
from streamsel.sinks.clips import ClipSink
from streamsel.sinks.service_folder import LiveDiskSink, StoreOptions


def find_gone(folder: Path, scopes: Collection[str]) -> list[GoneScope]:
    """Return the stored frames of these removed feeds and groups.

    Raises :class:`ConfigurationError` if one of them is not removed or nothing of it is stored,
    :class:`RecordError` if the folder holds no record.
    """
    with Record.open(folder) as record:
        gone = {one.scope: one for one in record.gone()}
    for scope in scopes:
        if scope not in gone:
            known = ", ".join(gone) or "none"
            raise ConfigurationError(
                f"{folder}: {scope!r} is no feed or group that is gone; of those there are {known}"
            )
    return [gone[scope] for scope in dict.fromkeys(scopes)]


def remove_gone(folder: Path, scopes: Collection[str]) -> list[GoneScope]:
    """Delete everything stored of these feeds and groups, pictures and clips; return what it was.

    If the process is killed, the folder stays consistent and holds less than before. Raises the
    errors of :func:`find_gone`, :class:`FolderInUseError` for the folder of a file run, and
    :class:`FolderLockedError` while the service runs.
    """
    require_service(folder)
    removed = find_gone(folder, scopes)
    sink = _opened(folder)
    try:
        for gone in removed:
            frames = [candidate.frame for candidate in sink.kept_candidates(gone.scope)]
            changes = tuple(Evicted(frame, None, None, "removed") for frame in frames)
            sink.apply(SelectionUpdate(gone.scope, (), changes, b"", frozenset()))
            sink.erase([frame.key for frame in frames])
    finally:
        sink.close()
    # Opening the clip sink deletes clips without a picture.
    ClipSink(folder, {}, SystemClock()).close()
    return removed


def _opened(folder: Path) -> LiveDiskSink:
    with Record.open(folder) as record:
        plan = record.run().plan
        options: Any = record.statistics().get("options", {})
    try:
        return LiveDiskSink(folder, plan, "jpg", SystemClock(), StoreOptions(**options))
    except FolderLockedError as error:
        raise FolderLockedError(
            f"{folder}: the service runs; ask it (DELETE /api/gone/NAME over HTTP), or stop it"
        ) from error
