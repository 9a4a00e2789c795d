"""Adapters that expose the service's operations to HTTP and MQTT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from streamsel.frame import FrameKey
from streamsel.http.control import Explanation, FeedView, Position
from streamsel.record.gallery import FrameView, Gallery
from streamsel.record.reader import Record
from streamsel.record.values import GoneScope
from streamsel.report.inspection import RULES
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.worker import Worker
from streamsel.service.operations import Operations

P = ParamSpec("P")
T = TypeVar("T")


class MqttControls:
    """The operations available to MQTT commands."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def feeds(self) -> Mapping[str, tuple[bool, int]]:
        """Return each feed: whether it is enabled, and its maximum number of frames."""
        return {
            name: (self._operations.is_enabled(name), self._operations.count(name) or 0)
            for name in self._operations.running
        }

    def display_name(self, feed: str) -> str:
        """Return the name of a feed for people."""
        settings = self._operations.settings.get(feed)
        return feed if settings is None else settings.display_name

    async def set_enabled(self, feed: str, enabled: bool) -> None:
        """Enable or disable a feed."""
        await self._operations.set_enabled(feed, enabled)

    async def set_count(self, feed: str, count: int) -> None:
        """Change a feed's maximum number of frames."""
        await self._operations.set_count(feed, count)


class HttpControl:
    """The operations available to HTTP requests; a ``ServiceControl``.

    The record is read in its own thread, ``reading``, through its own connection.
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
        """The run's folder; None if no pictures are stored."""
        return self._folder

    def feeds(self) -> Sequence[FeedView]:
        """Return every feed, in the order of the configuration."""
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
        """Return why the service is not ready, one line per reason."""
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
        """Return the newest kept frames below ``before``, newest first."""
        return await self._read([], _newest, feed, limit, before)

    async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
        """Return those of these frames that are kept and stored."""
        return await self._read([], _found, keys)

    async def explain(self, key: FrameKey) -> Explanation | None:
        """Explain why a frame is kept. None if it is not."""
        return await self._read(None, _explained, key)

    async def claims(self, path: str) -> bool:
        """Whether the record claims this file for a kept frame."""
        return await self._read(False, _claims, path)

    async def gone(self) -> Sequence[GoneScope]:
        """Return the stored frames of removed feeds and groups."""
        return await self._read([], _gone)

    async def remove_gone(self, scope: str) -> int:
        """Delete the stored frames of one of these; return their number."""
        return await self._operations.remove_gone(scope)

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin or unpin a frame. False if it is not kept."""
        return await self._operations.pin(key, pinned)

    async def set_enabled(self, feed: str, enabled: bool) -> bool:
        """Enable or disable a feed. False if there is none of that name."""
        if feed not in self._operations.settings:
            return False
        await self._operations.set_enabled(feed, enabled)
        return True

    async def set_count(self, feed: str, count: int) -> bool:
        """Change a feed's maximum number of frames. False if there is no such feed."""
        if feed not in self._operations.settings:
            return False
        await self._operations.set_count(feed, count)
        return True

    async def _read(
        self,
        otherwise: T,
        read: Callable[Concatenate[Path, P], T],
        *args: P.args,
        **named: P.kwargs,
    ) -> T:
        """Read the record in its thread; ``otherwise`` is the answer where there is none."""
        if self._folder is None:
            return otherwise
        return await self._reading.run(read, self._folder, *args, **named)


def _newest(
    folder: Path, feed: str | None, limit: int, before: Position | None
) -> Sequence[FrameView]:
    with Gallery.open(folder) as gallery:
        place = None if before is None else (before.wall_time, before.feed, before.index)
        return gallery.newest(feed, limit, place)


def _found(folder: Path, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
    with Gallery.open(folder) as gallery:
        return gallery.find(keys)


def _explained(folder: Path, key: FrameKey) -> Explanation | None:
    with Gallery.open(folder) as gallery:
        found = gallery.find([key])
        if not found:
            return None
        (frame,) = found
        beside = [] if frame.nearest is None else gallery.find([frame.nearest])
    nearest = beside[0] if beside else None
    return Explanation(frame, nearest, _words(frame, nearest is not None))


def _words(frame: FrameView, nearest_is_kept: bool) -> str:
    rule = RULES.get(frame.reason, frame.reason)
    if frame.nearest is None or frame.distance is None:
        return f"It was kept because {rule}: there was none to compare it with."
    told = (
        f"It was kept because {rule}: the nearest, {frame.nearest}, "
        f"was at a distance of {frame.distance:.3f}."
    )
    return told if nearest_is_kept else f"{told} That frame is not kept any more."


def _gone(folder: Path) -> Sequence[GoneScope]:
    with Record.open(folder) as record:
        return record.gone()


def _claims(folder: Path, path: str) -> bool:
    with Gallery.open(folder) as gallery:
        return gallery.claims(path)
