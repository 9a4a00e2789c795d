"""Baselines for comparison: evenly spaced frames, and random frames."""

from __future__ import annotations

import math
from random import Random
from typing import Generic, TypeVar

import numpy as np

from streamsel.coreset.assign import Indices

Item = TypeVar("Item")

_ROUNDING = 1e-9
"""Tolerance in ticks: times half-way between two ticks in exact arithmetic are rounded up."""


def uniform(total: int, count: int) -> Indices:
    """Return which of ``total`` frames ``ffmpeg -vf fps=`` keeps at the rate that leaves ``count``.

    The frames are divided into ``count`` intervals of equal length; of each interval the last frame
    that begins before its middle is kept. ffmpeg's filter does this at its default ``round=near``
    for a constant frame rate. If ``count`` exceeds ``total`` all frames are returned (ffmpeg would
    repeat some). Ascending, distinct, read-only. O(count).

    >>> uniform(50, 7).tolist()
    [3, 10, 17, 24, 32, 39, 46]
    """
    _require(total, count)
    size = min(total, count)
    middles = (2 * np.arange(size, dtype=np.intp) + 1) * total
    kept: Indices = (middles - 1) // (2 * max(size, 1))
    kept.flags.writeable = False
    return kept


class EvenTicks:
    """Decides by their times which frames ``ffmpeg -vf fps=count/seconds`` passes.

    At its default ``round=near`` the filter rounds frame times to ticks of that rate and outputs,
    at each tick, the last frame that is not later. So a frame passes if the next one, or the end,
    falls on a later tick. ffmpeg repeats frames for the ticks in between; here each frame counts
    once.

    >>> ticks = EvenTicks(count=2, seconds=2.0)
    >>> [ticks.passes(time, then) for time, then in ((0.0, 0.4), (0.4, 0.5), (0.5, 1.6), (1.6, 2))]
    [False, True, True, False]
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._rate = count / seconds if seconds > 0 else 0.0

    def passes(self, time: float, following: float) -> bool:
        """Whether the frame at ``time`` passes; ``following`` is the time of the next frame."""
        return self._tick(time) < self._tick(following)

    def _tick(self, time: float) -> int:
        return math.floor(time * self._rate + 0.5 + _ROUNDING)


def random(total: int, count: int, seed: int) -> Indices:
    """Return which of ``total`` frames a :class:`Reservoir` of ``count`` with this ``seed`` keeps.

    Every set of ``count`` is equally likely. Ascending, distinct, read-only. O(total).

    >>> len(random(1000, 10, seed=0)), random(3, 10, seed=0).tolist()
    (10, [0, 1, 2])
    """
    _require(total, count)
    reservoir: Reservoir[int] = Reservoir(max(1, count), seed)
    for position in range(total if count else 0):
        reservoir.offer(position)
    kept = np.array(sorted(reservoir.items), np.intp)
    kept.flags.writeable = False
    return kept


class Reservoir(Generic[Item]):
    """A uniform random sample of a stream of unknown length.

    Algorithm R (Vitter 1985, "Random sampling with a reservoir", section 2, after Waterman): the
    t-th item enters with probability count / t and replaces one drawn at random. One random number
    per item, so the sample depends only on the seed and the number of items, on any platform. O(1)
    per offer, O(count) memory.
    """

    def __init__(self, count: int, seed: int) -> None:
        """Sample ``count`` items, at least 1."""
        if count < 1:
            raise ValueError(f"count is {count}; it must be at least 1")
        self._count = count
        self._random = Random(seed)
        self._items: list[Item] = []
        self._seen = 0

    @property
    def items(self) -> tuple[Item, ...]:
        """The sample, in no meaningful order."""
        return tuple(self._items)

    def offer(self, item: Item) -> tuple[Item, ...]:
        """Offer the next item of the stream; return the items that are out of the sample now.

        Empty while there is room; else one item: ``item`` itself or the one it replaced.

        >>> reservoir = Reservoir(1, seed=0)
        >>> reservoir.offer("a"), len(reservoir.offer("b"))
        ((), 1)
        """
        self._seen += 1
        if len(self._items) < self._count:
            self._items.append(item)
            return ()
        slot = int(self._random.random() * self._seen)
        if slot >= self._count:
            return (item,)
        out = self._items[slot]
        self._items[slot] = item
        return (out,)


def _require(total: int, count: int) -> None:
    if total < 0 or count < 0:
        raise ValueError(f"total is {total} and count is {count}; neither may be negative")
