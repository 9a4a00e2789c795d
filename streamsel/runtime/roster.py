"""The feeds of a service: who is read, how each is, and which thread hangs."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streamsel.clock import Clock
from streamsel.errors import ConfigurationError
from streamsel.event import FeedState, FeedStatus
from streamsel.frame import Sighting
from streamsel.runtime.feed import LiveFeed
from streamsel.runtime.reader import Reader
from streamsel.runtime.retry import Backoff

_LOG = logging.getLogger("streamsel.feeds")
_MOST_ABANDONED = 3
_HANGS_AFTER = 20.0


@dataclass(slots=True)
class _Entry:
    feed: LiveFeed
    reader: Reader | None
    since: float
    state: FeedState = "connecting"
    earlier_sessions: int = 0
    abandoned: list[Reader] = field(default_factory=list)
    told: FeedStatus | None = None


class Roster:
    """Starts and ends readers, and looks at them from outside. On the loop; nothing blocks.

    A reader that is stuck in a call for longer than any timeout of its source allows is left
    behind, and another takes its place; at most three of a feed are left behind at a time.
    """

    def __init__(self, pass_on: Callable[[Sighting], None], clock: Clock, backoff: Backoff) -> None:
        self._pass_on = pass_on
        self._clock = clock
        self._backoff = backoff
        self._chance = random.Random()
        self._entries: dict[str, _Entry] = {}
        self._left_behind: list[Reader] = []

    def __contains__(self, feed: str) -> bool:
        return feed in self._entries

    @property
    def feeds(self) -> tuple[LiveFeed, ...]:
        """Every feed of the service, as it was asked for."""
        return tuple(entry.feed for entry in self._entries.values())

    @property
    def readers(self) -> dict[str, Reader]:
        """Who reads each feed that is enabled."""
        return {
            name: entry.reader for name, entry in self._entries.items() if entry.reader is not None
        }

    def add(self, feed: LiveFeed) -> None:
        """Begin to read a feed. Raises :class:`ConfigurationError` for a name that is taken."""
        if feed.name in self._entries:
            raise ConfigurationError(f"feed {feed.name!r}: there is one of that name already")
        entry = self._entries[feed.name] = _Entry(feed, None, self._clock.wall())
        if feed.enabled:
            self._start(entry)

    def remove(self, feed: str) -> None:
        """Read a feed no more."""
        entry = self._entry(feed)
        self._end(entry)
        self._left_behind += entry.abandoned
        del self._entries[feed]

    def set_enabled(self, feed: str, enabled: bool) -> None:
        """Switch a feed on or off; where it is so already, nothing happens."""
        entry = self._entry(feed)
        if enabled == entry.feed.enabled:
            return
        entry.feed = replace(entry.feed, enabled=enabled)
        if enabled:
            self._start(entry)
        else:
            self._end(entry)

    def stop(self) -> None:
        """Let every reader leave."""
        for reader in self.readers.values():
            reader.stop()

    @property
    def alive(self) -> int:
        """How many threads have not left."""
        threads = [*self.readers.values(), *self._left_behind]
        for entry in self._entries.values():
            threads += entry.abandoned
        return sum(reader.is_alive for reader in threads)

    def changed(self) -> list[FeedStatus]:
        """Look at every feed; return the statuses that are others than at the last call.

        Raises what a reader failed with, if that is no matter of its feed.
        """
        changed = []
        for entry in self._entries.values():
            if entry.reader is not None:
                if entry.reader.failure is not None:
                    raise entry.reader.failure
                self._replace_where_stuck(entry, entry.reader)
            status = self._status(entry)
            told, entry.told = entry.told, status
            if told is None or replace(told, last_frame=None) != replace(status, last_frame=None):
                changed.append(status)
        self._left_behind = [reader for reader in self._left_behind if reader.is_alive]
        return changed

    def statuses(self) -> list[FeedStatus]:
        """How every feed is now."""
        return [self._status(entry) for entry in self._entries.values()]

    def _entry(self, feed: str) -> _Entry:
        if feed not in self._entries:
            known = ", ".join(self._entries) or "none"
            raise ConfigurationError(f"feed {feed!r} is not part of this service; it has {known}")
        return self._entries[feed]

    def _start(self, entry: _Entry) -> None:
        entry.reader = Reader(entry.feed, self._pass_on, self._clock, self._backoff, self._chance)
        entry.reader.start()

    def _end(self, entry: _Entry) -> None:
        """Stop the reader, and note where numbers and time go on."""
        if (reader := entry.reader) is None:
            return
        reader.stop()
        entry.feed = replace(
            entry.feed,
            start=reader.next_index,
            reserved=reader.reserved,
            media_time=reader.media_time,
        )
        entry.earlier_sessions += reader.sessions
        entry.abandoned.append(reader)
        entry.reader = None

    def _replace_where_stuck(self, entry: _Entry, reader: Reader) -> None:
        entry.abandoned = [gone for gone in entry.abandoned if gone.is_alive]
        silent_since = max(reader.begun, reader.received or reader.begun)
        hangs = reader.is_open and (
            self._clock.monotonic() - silent_since > entry.feed.down_after + _HANGS_AFTER
        )
        if hangs and len(entry.abandoned) < _MOST_ABANDONED:
            _LOG.error("feed %r: its reader hangs; another takes its place", entry.feed.name)
            self._end(entry)
            self._start(entry)

    def _status(self, entry: _Entry) -> FeedStatus:
        reader = entry.reader
        state, reason = self._state(entry)
        if state != entry.state:
            entry.state, entry.since = state, self._clock.wall()
        return FeedStatus(
            feed=entry.feed.name,
            address=entry.feed.address,
            state=state,
            reason=reason,
            since=entry.since,
            sessions=entry.earlier_sessions + (0 if reader is None else reader.sessions),
            last_frame=None if reader is None else reader.last_frame,
        )

    def _state(self, entry: _Entry) -> tuple[FeedState, str]:
        reader, patience = entry.reader, entry.feed.down_after
        if reader is None:
            return "disabled", "switched off"
        now = self._clock.monotonic()
        silence = now - (reader.created if reader.received is None else reader.received)
        if silence > patience:
            return "down", reader.reason or f"no picture for {patience:g} s"
        if reader.received is not None and reader.is_open and not reader.reason:
            return "up", ""
        return "connecting", reader.reason
