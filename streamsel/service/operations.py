"""Operations on a running service, for HTTP, MQTT and signals alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from streamsel.config.changes import changes
from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings
from streamsel.decisions import Event, FeedStatus
from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.supervisor import known_feed
from streamsel.wiring.service import LiveParts

_LOG = logging.getLogger("streamsel.service")

_AT_ONCE = 1_000

T = TypeVar("T")


class Operations:
    """Adds, removes and changes feeds of a running pipeline.

    Starts, reloads and removals run one at a time. Methods with a ``feed`` raise
    :class:`ConfigurationError` if it is not part of the service.
    """

    def __init__(self, config: Config, parts: LiveParts, line: LivePipeline) -> None:
        self._config = config
        self._parts = parts
        self._line = line
        self._settings: dict[str, FeedSettings] = {}
        self._counts: dict[str, int] = {}
        self._is_ending = False
        self._one_at_a_time = asyncio.Lock()

    @property
    def settings(self) -> dict[str, FeedSettings]:
        """The settings of each feed, in the order of the configuration."""
        return dict(self._settings)

    @property
    def running(self) -> tuple[str, ...]:
        """The feeds of the service, enabled or not, in the order of the configuration."""
        present = {status.feed for status in self._line.statuses()}
        return tuple(name for name in self._settings if name in present)

    def count(self, feed: str) -> int | None:
        """Return a feed's maximum number of frames; None if its budget is a share."""
        settings = self._require(feed)
        return self._counts.get(settings.scope, settings.count)

    def is_enabled(self, feed: str) -> bool:
        """Whether a feed is enabled."""
        return self._status(feed).state != "disabled"

    async def start(self) -> None:
        """Start to read every feed of the configuration.

        The record is queried for all feeds before any is read: otherwise the frames kept first by
        hundreds of feeds would delay the queries on a slow disk.
        """
        async with self._one_at_a_time:
            wanted = [self._config.feed(name) for name in self._config.feeds]
            await self._tell_scopes(wanted)
            await self._add(wanted)

    def end(self) -> None:
        """Refuse all further requests: the pipeline is stopping."""
        self._is_ending = True

    async def set_enabled(self, feed: str, enabled: bool) -> None:
        """Enable or disable a feed."""
        self._require_running()
        self._require(feed)
        self._line.set_enabled(feed, enabled)
        _LOG.info("feed %r: switched %s", feed, "on" if enabled else "off")

    async def set_count(self, feed: str, count: int) -> None:
        """Change the maximum number of frames of the feed's scope."""
        self._require_running()
        scope = self._require(feed).scope
        await self._line.change(scope, partial(_resize, count))
        self._counts[scope] = count
        _LOG.info("%r keeps at most %d frames from now on", scope, count)

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin or unpin a frame. False if it is not kept."""
        self._require_running()
        for scope in self._line.scopes:
            if await self._line.ask(scope, partial(_keeps, key)):
                done: list[bool] = []
                await self._line.change(scope, partial(_pin, key, pinned, done))
                if all(done) and self._parts.store is not None:
                    store = self._parts.store
                    await self._line.run_in_first_sink(partial(store.set_pinned, key, pinned))
                return all(done)
        return False

    async def remove_gone(self, scope: str) -> int:
        """Delete everything stored of a removed scope; return how many frames that was.

        Raises :class:`ConfigurationError` for an active scope.
        """
        async with self._one_at_a_time:
            self._require_running()
            configured = {self._config.feed(name).scope for name in self._config.feeds}
            if scope in configured or scope in self._line.scopes:
                raise ConfigurationError(f"{scope!r} is part of this service: remove it first")
            if self._parts.store is None:
                return 0
            store = self._parts.store
            candidates = await self._in_store(partial(store.kept_candidates, scope))
            frames = [candidate.frame for candidate in candidates]
            for start in range(0, len(frames), _AT_ONCE):
                some = frames[start : start + _AT_ONCE]
                await self._line.evict(scope, some, "removed")
                await self._in_store(partial(store.erase, [frame.key for frame in some]))
        if frames:
            _LOG.info(
                "%r: %d kept frames of the removed feed or group are deleted", scope, len(frames)
            )
        return len(frames)

    async def reload(self, config: Config) -> None:
        """Add, remove and change feeds according to ``config``.

        Unchanged feeds are not disturbed. Changes that need a restart are logged.
        """
        async with self._one_at_a_time:
            found = changes(self._config, config)
            for section in found.restart:
                _LOG.warning("%s changed: restart the service for that", section)
            # Compared with the running state, because an earlier reload may have failed.
            wanted = {name: config.feed(name) for name in config.feeds}
            for name, was in list(self._settings.items()):
                if name not in wanted or not _differ_in_count(was, wanted[name]):
                    del self._settings[name]
                    self._counts.pop(was.scope, None)
                    self._parts.clips.pop(name, None)
                    await self._line.remove_feed(name)
            await self._add([each for name, each in wanted.items() if name not in self._settings])
            for name, settings in wanted.items():
                if settings.count is not None and settings.count != self._settings[name].count:
                    self._settings[name] = settings
                    await self.set_count(name, settings.count)
            self._settings = {name: self._settings[name] for name in wanted}
            await self._tell_scopes(list(self._settings.values()))
            self._config = config

    async def _tell_scopes(self, feeds: Sequence[FeedSettings]) -> None:
        """Record which scopes are active."""
        if self._parts.store is not None:
            scopes = {settings.scope for settings in feeds}
            await self._in_store(partial(self._parts.store.select_into, scopes))

    async def _add(self, wanted: Sequence[FeedSettings]) -> None:
        feeds = await self._in_store(partial(self._parts.feeds, wanted))
        try:
            await self._line.add_feeds(feeds)
        finally:
            present = {status.feed for status in self._line.statuses()}
            self._settings |= {each.name: each for each in wanted if each.name in present}

    async def _in_store(self, call: Callable[[], T]) -> T:
        """Run a call on the record in the thread that owns it."""
        if self._parts.store is None:
            return call()
        return await self._line.run_in_first_sink(call)

    def _require_running(self) -> None:
        if self._is_ending:
            raise ConfigurationError("the service is stopping")

    def _require(self, feed: str) -> FeedSettings:
        return known_feed(self._settings, feed)

    def _status(self, feed: str) -> FeedStatus:
        self._require(feed)
        for status in self._line.statuses():
            if status.feed == feed:
                return status
        raise ConfigurationError(f"feed {feed!r} is being changed; try again")


def _resize(count: int, selector: LiveSelector) -> Sequence[Event]:
    return selector.resize(count)


def _keeps(key: FrameKey, selector: LiveSelector) -> bool:
    return key in selector.kept


def _pin(key: FrameKey, pinned: bool, done: list[bool], selector: LiveSelector) -> Sequence[Event]:
    done.append(selector.pin(key) if pinned else selector.unpin(key))
    return ()


def _differ_in_count(was: FeedSettings, wanted: FeedSettings) -> bool:
    """Whether two settings are equal apart from the count."""
    if (was.count is None) != (wanted.count is None):
        return False
    return replace(was, count=wanted.count) == wanted
