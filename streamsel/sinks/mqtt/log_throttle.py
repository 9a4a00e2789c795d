"""Throttles repeated log messages."""

from __future__ import annotations

from streamsel.clock import Clock

_EVERY = 60.0


class LogThrottle:
    """Decides whether to log a message: if it differs from the last, or after a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[str, float]] = {}

    def due(self, kind: str, text: str = "") -> bool:
        """Whether to log ``text`` now; the latest text of each kind is remembered."""
        now = self._clock.monotonic()
        last, when = self._said.get(kind, (None, now))
        if last == text and now - when < _EVERY:
            return False
        self._said[kind] = (text, now)
        return True
