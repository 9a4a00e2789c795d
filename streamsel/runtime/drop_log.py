"""Logs dropped frames: one line per minute for each feed and reason."""

from __future__ import annotations

import logging
import math
from collections import Counter

from streamsel.clock import Clock
from streamsel.decisions import DROP_REASONS, DropReason
from streamsel.interfaces.observers import LiveObserver

_LOG = logging.getLogger("streamsel.feeds")
_EVERY_SECONDS = 60.0


class DropLog(LiveObserver):
    """Logs the first dropped frames at once, then their number once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unsaid: Counter[tuple[str, DropReason]] = Counter()
        self._said: dict[tuple[str, DropReason], float] = {}

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Count dropped frames."""
        what, now = (feed, reason), self._clock.monotonic()
        self._unsaid[what] += frames
        if now - self._said.get(what, -math.inf) >= _EVERY_SECONDS:
            self._said[what] = now
            number, meaning = self._unsaid.pop(what), DROP_REASONS[reason]
            _LOG.warning("feed '%s': dropped frames: %d (%s: %s)", feed, number, reason, meaning)

    def feed_removed(self, feed: str) -> None:
        """Forget a feed."""
        for what in [what for what in self._said if what[0] == feed]:
            del self._said[what], self._unsaid[what]
