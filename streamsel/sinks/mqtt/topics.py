"""The names of all topics below one prefix."""

from __future__ import annotations

from dataclasses import dataclass

from streamsel.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one service.

    >>> topics = Topics("streamsel")
    >>> topics.image("gate")
    'streamsel/gate/image'
    >>> topics.command("streamsel/gate/count/set")
    ('gate', 'count')
    """

    prefix: str

    @property
    def available(self) -> str:
        """Retained: ``online``, or ``offline`` by the broker itself when we are lost."""
        return f"{self.prefix}/available"

    @property
    def events(self) -> str:
        """Every change of the kept set, and of a feed's state."""
        return f"{self.prefix}/events"

    @property
    def stats(self) -> str:
        """Counts, every minute."""
        return f"{self.prefix}/stats"

    def image(self, feed: str) -> str:
        """Retained: the pictures of kept frames."""
        return self._of(feed, "image")

    def status(self, feed: str) -> str:
        """Retained: how the feed is."""
        return self._of(feed, "status")

    def last(self, feed: str) -> str:
        """Retained: which frame was kept last."""
        return self._of(feed, "last")

    def state(self, feed: str, setting: str) -> str:
        """Retained: the value that a setting, ``enabled`` or ``count``, has now."""
        return self._of(feed, f"{setting}/state")

    def set(self, feed: str, setting: str) -> str:
        """Where a setting is changed; with ``+`` for the feed, the filter for all feeds."""
        return f"{self.prefix}/+/{setting}/set" if feed == "+" else self._of(feed, f"{setting}/set")

    def command(self, topic: str) -> tuple[str, str]:
        """Take a topic of :meth:`set` apart: the feed and the setting, both as they come."""
        feed, setting, _ = topic.removeprefix(f"{self.prefix}/").split("/")
        return feed, setting

    def _of(self, feed: str, rest: str) -> str:
        if not feed or any(letter in feed for letter in "/+#\0"):
            raise ConfigurationError(
                f"feed {feed!r} cannot be part of an MQTT topic; leave out /, + and #"
            )
        return f"{self.prefix}/{feed}/{rest}"
