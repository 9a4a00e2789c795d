"""Baselines for comparison: evenly spaced frames, and random frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

import numpy as np

from streamsel.coreset.assign import Indices
from streamsel.decisions import Evicted, Verdict
from streamsel.frame import Candidate, Frame, FrameKey
from streamsel.selection.verdicts import kept, refusal, refused

Item = TypeVar("Item")

_ROUNDING = 1e-9
"""Tolerance in ticks: times half-way between two ticks in exact arithmetic are rounded up."""
_ROUNDING_SECONDS = 1e-3


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


class RandomSelector:
    """Keeps a uniform random sample of the candidates, for comparison.

    A reservoir (Vitter 1985): at any time each candidate so far is kept with equal probability. A
    frame that drops out is evicted with the reason ``redrawn``. Verdicts are immediate and measure
    no distance; they depend only on ``seed`` and the stream. O(1) per candidate.
    """

    def __init__(self, count: int, *, seed: int) -> None:
        """Keep at most ``count`` frames, at least 1."""
        self._reservoir: Reservoir[Frame] = Reservoir(count, seed)

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""
        return tuple(sorted(frame.key for frame in self._reservoir.items))

    @property
    def warnings(self) -> Mapping[str, str]:
        """None: no distance is calibrated."""
        return {}

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Return the verdicts of ``candidates``."""
        return [self._judge_one(candidate) for candidate in candidates]

    def finish(self) -> list[Verdict]:
        """Return no verdicts: none is ever outstanding."""
        return []

    def _judge_one(self, candidate: Candidate) -> Verdict:
        if refusal(candidate) is not None:
            return refused(candidate)
        out = self._reservoir.offer(candidate.frame)
        if candidate.frame in out:
            return _passed_over(candidate, "not-drawn")
        evictions = [Evicted(frame=one, by=None, distance=None, reason="redrawn") for one in out]
        return kept(candidate, "drawn", None, None, 0.0, evictions)


class UniformSelector:
    """Keeps up to ``count`` frames evenly spread over time, for comparison.

    These are the distinct frames that ffmpeg's ``fps`` filter would pass at the rate that gives
    ``count`` frames over all feeds in sequence, by media time, including refused frames: see
    :class:`EvenTicks`. There are fewer if several ticks fall on one
    long-lasting frame. If a frame due was refused, the next candidate that is not kept yet takes
    its place. Verdicts lag by one frame and measure no distance.
    """

    def __init__(self, count: int, lengths: Mapping[str, float], *, start: float = 0.0) -> None:
        """Spread ``count`` frames over feeds of these lengths in seconds, starting at ``start``."""
        ends = list(accumulate(lengths.values(), initial=0.0))
        self._begins = dict(zip(lengths, ends, strict=False))
        self._seconds = ends[-1]
        self._ticks = EvenTicks(count, self._seconds)
        self._left = count
        self._start = start
        self._seen = self._owed = 0
        self._waiting: Candidate | None = None
        self._kept: list[Frame] = []

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""
        return tuple(sorted(frame.key for frame in self._kept))

    @property
    def warnings(self) -> Mapping[str, str]:
        """None: no distance is calibrated."""
        return {}

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Return the certain verdicts: all but that of the last candidate."""
        verdicts = []
        for candidate in candidates:
            if self._waiting is not None:
                verdicts.append(self._judge_one(self._waiting, self._place(candidate)))
            prefiltered = replace(candidate.prefiltered, thumbnail=None)
            self._waiting = replace(candidate, prefiltered=prefiltered)
        return verdicts

    def finish(self) -> list[Verdict]:
        """Return the verdict of the last candidate."""
        last, self._waiting = self._waiting, None
        if last is None:
            return []
        # The declared duration of some containers excludes the last frame.
        place = self._place(last)
        is_left_out = self._seconds <= place + _ROUNDING_SECONDS
        ends = place + place / max(1, self._seen) if is_left_out else self._seconds
        return [self._judge_one(last, ends)]

    def _judge_one(self, candidate: Candidate, following: float) -> Verdict:
        self._seen += 1
        if self._left and self._ticks.passes(self._place(candidate), following):
            self._left -= 1
            self._owed += 1
        if refusal(candidate) is not None:
            return refused(candidate)
        if not self._owed:
            return _passed_over(candidate, "between")
        self._owed -= 1
        self._kept.append(candidate.frame)
        return kept(candidate, "evenly-spaced", None, None, 0.0)

    def _place(self, candidate: Candidate) -> float:
        """Return the time of a frame on the joint time line of all feeds, in seconds."""
        frame = candidate.frame
        return self._begins[frame.key.feed] + frame.media_time - self._start


def _passed_over(candidate: Candidate, reason: str) -> Verdict:
    """Return the verdict for a candidate that a baseline does not keep; no distance is measured."""
    return Verdict(
        candidate=candidate,
        outcome="covered",
        reason=reason,
        distance=None,
        nearest=None,
        threshold=None,
    )


def _require(total: int, count: int) -> None:
    if total < 0 or count < 0:
        raise ValueError(f"total is {total} and count is {count}; neither may be negative")
