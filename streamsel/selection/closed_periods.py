"""Frames of closed periods: kept permanently, within a budget in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.values import Change
from streamsel.frame import Frame

MOST = 100_000
"""Maximum number of frames of closed periods held in memory."""


@dataclass(slots=True, eq=False)
class _Period:
    """A coreset that accepts no more frames, with its latest redundancy and size."""

    coreset: Coreset[Frame]
    redundancy: float | None
    size: int


class ClosedPeriods:
    """The coresets of closed periods, oldest first; each can be thinned by its closest pair.

    Beyond ``most`` frames in total, the oldest periods are released: their frames stay stored, but
    are no longer known here. Memory: two vectors per frame.
    """

    def __init__(self, most: int = MOST) -> None:
        """Start without closed periods."""
        self._most = most
        self._size = 0
        self._periods: list[_Period] = []

    @property
    def coresets(self) -> Sequence[Coreset[Frame]]:
        """The coresets with at least one frame, oldest first."""
        return [period.coreset for period in self._periods]

    @property
    def redundancy(self) -> float | None:
        """The smallest redundancy of all coresets; None if no frame may be evicted."""
        known = (period.redundancy for period in self._periods)
        return min((one for one in known if one is not None), default=None)

    def add(self, coreset: Coreset[Frame]) -> list[Frame]:
        """Add the coreset of a period; return the frames released for it."""
        coreset.settle()
        if len(coreset):
            self._periods.append(_Period(coreset, coreset.redundancy, len(coreset)))
            self._size += len(coreset)
        gone: list[Frame] = []
        while self._size > self._most:
            oldest = self._periods.pop(0)
            self._size -= oldest.size
            gone += oldest.coreset.keys
        return gone

    def thin(self, reason: str) -> list[Change[Frame]]:
        """Evict one frame of the most redundant period, of equals the oldest; there must be one."""
        able = [period for period in self._periods if period.redundancy is not None]
        coreset = min(able, key=lambda period: period.redundancy or 0.0).coreset
        changes = coreset.evict_redundant(reason)
        self.update(coreset)
        return changes

    def update(self, coreset: Coreset[Frame]) -> None:
        """Update the entry of ``coreset``, if it is one of these, after a change."""
        for position, period in enumerate(self._periods):
            if period.coreset is coreset:
                self._size -= period.size - len(coreset)
                period.redundancy, period.size = coreset.redundancy, len(coreset)
                if not period.size:
                    del self._periods[position]
                return
