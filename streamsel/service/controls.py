"""Adapters that expose the service's operations to HTTP and MQTT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from streamsel.frame import FrameKey
from streamsel.http.control import Explanation, FeedView, FrameView, Position
from streamsel.record.gallery import Gallery, ShownFrame
from streamsel.record.reader import Record
from streamsel.record.values import GoneScope
from streamsel.report.inspection import RULES
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.worker import Worker
from streamsel.service.operations import Operations


class MqttControls:
    """What commands over MQTT act on."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def feeds(self) -> Mapping[str, tuple[bool, int]]:
        """Each feed: whether it is enabled, and how many frames it may keep."""
        return {
            name: (self._operations.is_enabled(name), self._operations.count(name) or 0)
            for name in self._operations.running
        }

    def display_name(self, feed: str) -> str:
        """What people call a feed."""
        settings = self._operations.settings.get(feed)
        return feed if settings is None else settings.display_name

    async def set_enabled(self, feed: str, enabled: bool) -> None:
        """Switch a feed on or off."""
        await self._operations.set_enabled(feed, enabled)

    async def set_count(self, feed: str, count: int) -> None:
        """Let a feed keep so many frames."""
        await self._operations.set_count(feed, count)


class HttpControl:
    """What requests over HTTP act on; a ``ServiceControl``.

    The record is read in a thread of its own, ``reading``, by a connection of its own.
    """

    def __init__(
        self,
        operations: Operations,
        line: LivePipeline,
        folder: Path | None,
        reading: Worker,
    ) -> None:
        self._operations = operations
        self._line = line
        self._folder = folder
        self._reading = reading

    @property
    def folder(self) -> Path | None:
        """The run's folder; None where no pictures are stored."""
        return self._folder

    def feeds(self) -> Sequence[FeedView]:
        """Every feed of the configuration, in its order."""
        statuses = {status.feed: status for status in self._line.statuses()}
        return [
            FeedView(
                status=statuses[name],
                enabled=statuses[name].state != "disabled",
                scope=settings.scope,
                count=self._operations.count(name),
                kept=self._line.sizes.get(settings.scope, 0),
                takes_sender=settings.takes_sender,
                display_name=settings.display_name,
            )
            for name, settings in self._operations.settings.items()
            if name in statuses
        ]

    def unready(self) -> Sequence[str]:
        """Why the service is not ready, a line each."""
        untried = [
            f"feed {status.feed!r} was not tried yet"
            for status in self._line.statuses()
            if status.state == "connecting" and not status.reason and status.last_frame is None
        ]
        failing = self._line.failing_sinks.items()
        return [*untried, *(f"sink {name!r} fails: {reason}" for name, reason in failing)]

    async def frames(
        self, feed: str | None, limit: int, before: Position | None
    ) -> Sequence[FrameView]:
        """The newest kept frames below ``before``, newest first."""
        if self._folder is None:
            return []
        return await self._reading.run(_newest, self._folder, feed, limit, before)

    async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
        """Those of these frames that are kept and whose pictures are stored."""
        if self._folder is None:
            return []
        return await self._reading.run(_found, self._folder, keys)

    async def explain(self, key: FrameKey) -> Explanation | None:
        """Say why a frame is kept. None where it is not."""
        if self._folder is None:
            return None
        return await self._reading.run(_explained, self._folder, key)

    async def claims(self, path: str) -> bool:
        """Whether the record claims this file for a kept frame."""
        if self._folder is None:
            return False
        return await self._reading.run(_claims, self._folder, path)

    async def gone(self) -> Sequence[GoneScope]:
        """What is kept of feeds and groups that are no longer part of the service."""
        if self._folder is None:
            return []
        return await self._reading.run(_gone, self._folder)

    async def remove_gone(self, scope: str) -> int:
        """Remove what is kept of one of these; return how many frames that was."""
        return await self._operations.remove_gone(scope)

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin a frame, or let go of it. False where it is not kept."""
        return await self._operations.pin(key, pinned)

    async def set_enabled(self, feed: str, enabled: bool) -> bool:
        """Switch a feed on or off. False where there is none of that name."""
        if feed not in self._operations.settings:
            return False
        await self._operations.set_enabled(feed, enabled)
        return True

    async def set_count(self, feed: str, count: int) -> bool:
        """Keep at most so many frames. False where there is no such feed."""
        if feed not in self._operations.settings:
            return False
        await self._operations.set_count(feed, count)
        return True


def _newest(
    folder: Path, feed: str | None, limit: int, before: Position | None
) -> Sequence[FrameView]:
    with Gallery.open(folder) as gallery:
        place = None if before is None else (before.wall_time, before.feed, before.index)
        return [*map(_kept_frame, gallery.newest(feed, limit, place))]


def _found(folder: Path, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
    with Gallery.open(folder) as gallery:
        return [*map(_kept_frame, gallery.find(keys))]


def _explained(folder: Path, key: FrameKey) -> Explanation | None:
    with Gallery.open(folder) as gallery:
        found = gallery.find([key])
        if not found:
            return None
        (frame,) = found
        beside = [] if frame.nearest is None else gallery.find([frame.nearest])
    nearest = _kept_frame(beside[0]) if beside else None
    return Explanation(_kept_frame(frame), nearest, _words(frame, nearest is not None))


def _words(frame: ShownFrame, nearest_is_kept: bool) -> str:
    rule = RULES.get(frame.reason, frame.reason)
    if frame.nearest is None or frame.distance is None:
        return f"It was kept because {rule}: there was none to compare it with."
    told = (
        f"It was kept because {rule}: the nearest, {frame.nearest}, "
        f"was at a distance of {frame.distance:.3f}."
    )
    return told if nearest_is_kept else f"{told} That frame is not kept any more."


def _kept_frame(frame: ShownFrame) -> FrameView:
    return FrameView(
        key=frame.key,
        wall_time=frame.wall_time,
        media_time=frame.media_time,
        path=frame.path,
        width=frame.width,
        height=frame.height,
        size_bytes=frame.size_bytes,
        sha256=frame.sha256,
        distance=frame.distance,
        nearest=None if frame.nearest is None else str(frame.nearest),
        reason=frame.reason,
        pinned=frame.pinned,
    )


def _gone(folder: Path) -> Sequence[GoneScope]:
    with Record.open(folder) as record:
        return record.gone()


def _claims(folder: Path, path: str) -> bool:
    with Gallery.open(folder) as gallery:
        return gallery.claims(path)
