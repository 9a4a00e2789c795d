"""Throttles repeated log messages."""

from __future__ import annotations

from streamsel.clock import Clock

_EVERY = 60.0


class LogThrottle:
    """Says whether something is worth a line in the log: it is another, or a minute has passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[str, float]] = {}

    def due(self, kind: str, text: str = "") -> bool:
        """Whether to say ``text`` now; the latest of each kind is remembered."""
        now = self._clock.monotonic()
        last, when = self._said.get(kind, (None, now))
        if last == text and now - when < _EVERY:
            return False
        self._said[kind] = (text, now)
        return True
