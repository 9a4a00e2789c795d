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
    """Return what is kept of these feeds and groups, which are gone.

    Raises :class:`ConfigurationError` where one is not, or nothing is kept of it, and
    :class:`RecordError` where the folder holds no record.
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
    """Remove all that is kept of these, pictures and clips; return what that was.

    Killed on the way, the folder is whole, and holds less than before. Raises what
    :func:`find_gone` raises, :class:`FolderInUseError` for a run over files, and
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
    # Clips without a picture beside them are swept when they are looked at.
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
