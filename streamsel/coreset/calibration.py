"""Telling the floor while the frames that tell it are already being decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsel.coreset.distance import are_unit, distances
from streamsel.coreset.duplicates import floor_of
from streamsel.errors import ConfigurationError
from streamsel.frame import Vector

ESTIMATES = (8, 4, 2, 1)
"""The parts of the calibration after which the floor is told: an eighth of it, a quarter, ..."""

FEWEST = 3
"""Frames without which nothing can be told."""


@dataclass(slots=True)
class Gaps:
    """What is known of one feed: how many of its frames came, and how far apart they were.

    ``lag_1`` and ``lag_2`` are the distances of consecutive frames and of every second one;
    ``before`` the last two frames, latest last, of which equal ones count once.
    """

    frames: int = 0
    lag_1: list[float] = field(default_factory=list)
    lag_2: list[float] = field(default_factory=list)
    before: list[Vector] = field(default_factory=list)


class Calibration:
    """Tells the floor from the first ``frames`` valid embeddings of the feed with most of them.

    That is what :func:`floor_from` says of them. Frames must not wait for it, so there are
    estimates on the way, from the first eighth, quarter and half. Memory: two vectors of each feed
    and the distances.
    """

    def __init__(self, frames: int, feeds: Mapping[str, Gaps] | None = None) -> None:
        """Begin, or go on from ``feeds``; distances across that break are not measured.

        Raises:
            ConfigurationError: ``frames`` is below 1.
        """
        if frames < 1:
            raise ConfigurationError(f"selector: calibration is {frames}; it must be at least 1")
        self._due = {max(FEWEST, frames // part) for part in ESTIMATES[:-1]} | {frames}
        self._frames = frames
        self.feeds: dict[str, Gaps] = dict(feeds or {})

    @property
    def done(self) -> bool:
        """Whether the floor that was told last is final."""
        return any(gaps.frames >= self._frames for gaps in self.feeds.values())

    def see(self, feed: str, vector: Vector) -> float | None:
        """Take the next embedding of a feed; return the floor where it is told now."""
        if self.done or not are_unit(vector[None])[0]:
            return None
        gaps = self.feeds.setdefault(feed, Gaps())
        gaps.frames += 1
        _measure(gaps, vector)
        others = (other.frames for name, other in self.feeds.items() if name != feed)
        if gaps.frames not in self._due or gaps.frames <= max(others, default=0):
            return None
        return floor_of(np.array(gaps.lag_1), np.array(gaps.lag_2))


def _measure(gaps: Gaps, vector: Vector) -> None:
    """Add the distances of ``vector`` to the frames before, unless it repeats the last one."""
    before: Sequence[Vector] = gaps.before
    apart = [float(distances(vector[None], other)[0]) for other in before]
    if apart and apart[-1] == 0.0:
        return
    if apart:
        gaps.lag_1.append(apart[-1])
    if len(apart) == 2:
        gaps.lag_2.append(apart[0])
    gaps.before = [*before[-1:], vector]
