"""What live sources have in common: identity, end, rhythm and counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamsel.decisions import Rhythm, SourceCounters
from streamsel.redaction import redact
from streamsel.sources.named import NamedSource


class CountedSource(NamedSource):
    """All of a ``LiveSource`` but its ``session``.

    The thread of a session counts what it receives, with :meth:`_count` or by :meth:`_counting`.
    """

    def __init__(self, feed: str, location: str) -> None:
        """``location`` may contain credentials; it is never shown as it is."""
        super().__init__(feed, redact(location))
        self._location = location
        # One value, so that whoever asks from another thread sees both or neither of its parts.
        self._counted: tuple[SourceCounters, Callable[[], SourceCounters]] = (
            SourceCounters(),
            SourceCounters,
        )

    @property
    def is_push(self) -> bool:
        """False: it connects to its sender."""
        return False

    @property
    def rhythm(self) -> Rhythm:
        """Pictures arrive as they are taken; late ones were dropped."""
        return Rhythm()

    def tally(self) -> SourceCounters:
        """Return the counters so far, over all sessions. Safe from any thread."""
        earlier, current = self._counted
        return earlier.plus(current())

    def _count(self, *, received: int = 0, decoded: int = 0, damaged: int = 0) -> None:
        """Add to the counters."""
        counted = SourceCounters(received, decoded, damaged)
        self._counted = self.tally().plus(counted), SourceCounters

    @contextmanager
    def _counting(self, current: Callable[[], SourceCounters]) -> Iterator[None]:
        """Include the counters of a session, which keep their last values afterwards."""
        self._counted = self.tally(), current
        try:
            yield
        finally:
            self._counted = self.tally(), SourceCounters
