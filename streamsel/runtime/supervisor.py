"""The feed supervisor: starts and stops readers, tracks feed states, detects hanging threads."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from streamsel.backoff import Backoff
from streamsel.clock import Clock
from streamsel.decisions import FaultKind, FeedState, FeedStatus, SourceCounters
from streamsel.errors import ConfigurationError
from streamsel.frame import Picture
from streamsel.runtime.feed_reader import FeedReader, LiveFeed
from streamsel.runtime.latest_frames import LatestFrames

T = TypeVar("T")

_LOG = logging.getLogger("streamsel.feeds")
_MOST_LEAVING = 3
_HANGS_AFTER = 20.0


@dataclass(slots=True)
class _Entry:
    """A feed, its reader (None if disabled), its last reader, and stopped readers that still run.

    ``tally`` are the latest counters of the source, ``heard`` the time of their last change.
    ``fault`` is the reported fault of its pictures, ``fault_since`` the time of its start.
    """

    feed: LiveFeed
    since: float
    reader: FeedReader | None = None
    last: FeedReader | None = None
    state: FeedState = "connecting"
    leaving: list[FeedReader] = field(default_factory=list)
    told: FeedStatus | None = None
    tally: SourceCounters = field(default_factory=SourceCounters)
    heard: float = -math.inf
    fault: FaultKind | None = None
    fault_since: float = 0.0


class FeedSupervisor:
    """Starts, stops and supervises readers. Used on the loop; nothing blocks.

    A reader stuck in a call for longer than any timeout of its source is abandoned and replaced; at
    most three per feed are abandoned at a time.
    """

    def __init__(
        self,
        hold: Callable[[Picture], None],
        latest: LatestFrames,
        clock: Clock,
        backoff: Backoff,
    ) -> None:
        """``hold`` and ``latest`` are arguments of :class:`FeedReader`."""
        self._hold = hold
        self._latest = latest
        self._clock = clock
        self._backoff = backoff
        self._chance = random.Random()
        self._entries: dict[str, _Entry] = {}
        self._leaving: list[FeedReader] = []
        self._stopped = False

    def __contains__(self, feed: str) -> bool:
        return feed in self._entries

    @property
    def readers(self) -> dict[str, FeedReader]:
        """The reader of each enabled feed."""
        return {
            name: entry.reader for name, entry in self._entries.items() if entry.reader is not None
        }

    def add(self, feed: LiveFeed) -> None:
        """Start to read a feed. Raises :class:`ConfigurationError` for a name in use."""
        if feed.name in self._entries:
            raise ConfigurationError(f"feed {feed.name!r}: there is one of that name already")
        entry = _Entry(feed, self._clock.wall())
        if feed.enabled:
            self._start(entry)
        self._entries[feed.name] = entry

    def remove(self, feed: str) -> LiveFeed:
        """Stop reading a feed; return it in the state from which it continues if added again."""
        entry = self._entry(feed)
        self._end(entry)
        self._leaving += entry.leaving
        del self._entries[feed]
        if (last := entry.last) is None:
            return entry.feed
        return replace(
            entry.feed,
            start=last.next_index,
            reserved=last.reserved,
            media_time=last.media_time,
        )

    def set_enabled(self, feed: str, enabled: bool) -> None:
        """Enable or disable a feed; does nothing if it is so already."""
        entry = self._entry(feed)
        if enabled == entry.feed.enabled:
            return
        if enabled:
            self._start(entry)
        else:
            self._end(entry)
        entry.feed = replace(entry.feed, enabled=enabled)

    def stop(self) -> None:
        """Stop every reader, permanently."""
        self._stopped = True
        for reader in self.readers.values():
            reader.stop()

    @property
    def alive(self) -> int:
        """Return how many threads are still running."""
        threads = [*self.readers.values(), *self._leaving]
        for entry in self._entries.values():
            threads += entry.leaving
        return sum(reader.is_alive for reader in threads)

    def changed(self) -> list[FeedStatus]:
        """Check every feed; return the statuses that have changed since the last call.

        Raises the error of a reader that failed for a reason other than its feed.
        """
        changed = []
        for entry in self._entries.values():
            self._look_after(entry)
            status = self._status(entry)
            told, entry.told = entry.told, status
            if told != status:
                changed.append(status)
        self._leaving = [reader for reader in self._leaving if reader.is_alive]
        return changed

    def statuses(self) -> list[FeedStatus]:
        """Return the current status of every feed."""
        return [self._status(entry) for entry in self._entries.values()]

    def _entry(self, feed: str) -> _Entry:
        return known_feed(self._entries, feed)

    def _start(self, entry: _Entry, silent_since: float | None = None) -> None:
        """Continue where the last reader stopped, unless too many hang already.

        ``silent_since`` is the start of the feed's silence, in monotonic seconds.
        """
        entry.leaving = [reader for reader in entry.leaving if reader.is_alive]
        if self._stopped or len(entry.leaving) >= _MOST_LEAVING:
            return
        entry.reader = FeedReader(
            entry.feed,
            self._hold,
            self._latest,
            self._clock,
            self._backoff,
            self._chance,
            entry.last,
        )
        if silent_since is not None:
            entry.reader.came = silent_since
        entry.tally = SourceCounters()
        entry.reader.start()

    def _end(self, entry: _Entry) -> None:
        if entry.reader is not None:
            entry.reader.stop()
            entry.leaving.append(entry.reader)
            entry.last, entry.reader = entry.reader, None

    def _look_after(self, entry: _Entry) -> None:
        """Replace a reader that hangs."""
        if (reader := entry.reader) is None:
            if entry.feed.enabled:
                self._start(entry)
            return
        if reader.failure is not None:
            raise reader.failure
        self._listen(entry, reader)
        quiet_since = max(reader.begun, reader.silent_since, entry.heard)
        patience = reader.patience + _HANGS_AFTER
        if reader.source.is_push:
            return
        if reader.is_open and self._clock.monotonic() - quiet_since > patience:
            _LOG.error("feed %r: its reader hangs; another takes its place", entry.feed.name)
            self._end(entry)
            self._start(entry, reader.silent_since)

    def _listen(self, entry: _Entry, reader: FeedReader) -> None:
        """Note pictures that arrive but are not decoded: few per minute may be wanted."""
        before, entry.tally = entry.tally, reader.source.tally()
        if entry.tally != before:
            entry.heard = self._clock.monotonic()
        if entry.tally.decoded != before.decoded:
            reader.heard = self._clock.monotonic()

    def _status(self, entry: _Entry) -> FeedStatus:
        reader = entry.reader or entry.last
        state, reason, fault = self._state(entry)
        if state in {"up", "useless"}:
            self._say_fault(entry, fault, reason)
        if state != entry.state:
            if state == "down" and entry.reader is not None and entry.reader.is_up:
                _LOG.warning("feed %r: %s; waiting", entry.feed.name, reason)
            entry.state, entry.since = state, self._clock.wall()
        return FeedStatus(
            feed=entry.feed.name,
            address=entry.feed.address,
            state=state,
            reason=reason,
            since=entry.since,
            sessions=0 if reader is None else reader.sessions,
            last_frame=None if reader is None else reader.last_frame,
            scope=entry.feed.scope,
            fault=fault,
            fixed=None if reader is None else reader.fixed,
        )

    def _say_fault(self, entry: _Entry, fault: FaultKind | None, reason: str) -> None:
        """Log a fault once, over all sessions, and its end once."""
        if fault == entry.fault:
            return
        now = self._clock.monotonic()
        if fault is not None:
            _LOG.warning("feed %r: %s", entry.feed.name, reason)
        else:
            lasted = now - entry.fault_since
            _LOG.info("feed %r: of use again, after %.0f s", entry.feed.name, lasted)
        if entry.fault is None:
            entry.fault_since = now
        entry.fault = fault

    def _state(self, entry: _Entry) -> tuple[FeedState, str, FaultKind | None]:
        """Return a feed's state, why it is not up, and its fault if it is useless."""
        reader = entry.reader
        if not entry.feed.enabled:
            return "disabled", "switched off", None
        if reader is None:
            hang = f"{_MOST_LEAVING} of its readers hang; it is opened again once one left"
            return "down", hang, None
        if reader.is_over:
            return "ended", reader.reason or "read to its end", None
        patience = reader.patience
        if self._clock.monotonic() - reader.silent_since > patience:
            return "down", reader.reason or f"no picture for {patience:g} s", None
        if not reader.is_up:
            return "connecting", reader.reason, None
        fault = reader.fault
        return ("up", "", None) if fault is None else ("useless", fault.reason, fault.kind)


def known_feed(feeds: Mapping[str, T], feed: str) -> T:
    """Return what is known of a feed. Raises :class:`ConfigurationError` if nothing is."""
    if feed not in feeds:
        known = ", ".join(feeds) or "none"
        raise ConfigurationError(f"feed {feed!r} is not part of this service; it has {known}")
    return feeds[feed]
