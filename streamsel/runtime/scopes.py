"""Scopes: which selector decides the frames of which feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamsel.errors import ConfigurationError
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.feed_reader import LiveFeed
from streamsel.runtime.judge import Judge
from streamsel.runtime.worker import Worker


class Scopes:
    """The scopes of the pipeline and their feeds. Used on the loop; calls the judge's thread."""

    def __init__(self, judge: Judge, judging: Worker) -> None:
        self._judge = judge
        self._judging = judging
        self._feeds: dict[str, set[str]] = {}

    @property
    def feeds(self) -> dict[str, frozenset[str]]:
        """The feeds of each scope, by scope name."""
        return {scope: frozenset(feeds) for scope, feeds in self._feeds.items()}

    def require(self, scope: str) -> None:
        """Raise :class:`ConfigurationError` if there is no such scope."""
        if scope not in self._feeds:
            known = ", ".join(self._feeds) or "none"
            raise ConfigurationError(f"no feed or group {scope!r} in this service; it has {known}")

    async def join(self, feeds: Sequence[tuple[LiveFeed, Callable[[], LiveSelector]]]) -> None:
        """Start to judge feeds; the selector factory is called for new scopes.

        The judge is interrupted once for any number of feeds. Raises what a factory raises; nothing
        has changed then.
        """
        await self._judging.run(self._open, feeds)
        for feed, _ in feeds:
            self._feeds.setdefault(feed.scope, set()).add(feed.name)

    async def leave(self, feed: LiveFeed) -> bool:
        """Stop judging a feed. Returns whether its scope has no other feed and must be closed."""
        await self._judging.run(self._judge.assign, feed.name, None)
        self._feeds[feed.scope].discard(feed.name)
        if self._feeds[feed.scope]:
            return False
        del self._feeds[feed.scope]
        return True

    def _open(self, feeds: Sequence[tuple[LiveFeed, Callable[[], LiveSelector]]]) -> None:
        made: dict[str, LiveSelector] = {}
        for feed, make_selector in feeds:
            if feed.scope not in self._feeds and feed.scope not in made:
                made[feed.scope] = make_selector()
        for scope, selector in made.items():
            self._judge.open_scope(scope, selector)
        for feed, _ in feeds:
            self._judge.assign(feed.name, feed.scope)
