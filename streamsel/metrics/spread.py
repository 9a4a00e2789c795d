"""Diversity of the kept frames, updated incrementally at low cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from streamsel.clock import Clock
from streamsel.frame import Vectors

EXACT_UP_TO = 512
"""Maximum number of frames measured; larger coresets are sampled."""
PAUSE_SECONDS = 5.0
SHARE_OF_THE_TIME = 0.02


class Spread(Protocol):
    """L2 distances between the pairs of a set."""

    @property
    def mean(self) -> float:
        """The mean distance."""

    @property
    def min(self) -> float:
        """Distance of the closest pair."""

    @property
    def max(self) -> float:
        """Distance of the farthest pair."""

    @property
    def p10(self) -> float:
        """The 10th percentile."""

    @property
    def p90(self) -> float:
        """The 90th percentile."""


class SpreadMeter:
    """Measures the coreset of each scope at intervals.

    A scope is measured at most every 5 s, and all of them together use at most a fiftieth of the
    time: many scopes are measured less often. New scopes are added at the same pace, one by one.
    Coresets of up to 512 frames are measured exactly, larger ones by 512 evenly spaced frames: mean
    and percentiles are close, min is an upper bound, max a lower bound. One thread, except
    :meth:`forget`.
    """

    def __init__(self, pairwise: Callable[[Vectors], Spread], clock: Clock) -> None:
        self._pairwise = pairwise
        self._clock = clock
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._open_at = clock.monotonic()
        self._lock = threading.Lock()

    def is_due(self, scope: str) -> bool:
        """Whether a scope may be measured again."""
        now = self._clock.monotonic()
        with self._lock:
            if scope not in self._began:
                return now >= self._open_at
            pause = max(PAUSE_SECONDS, sum(self._took.values()) / SHARE_OF_THE_TIME)
            return now - self._began[scope] >= pause

    def measure(self, scope: str, vectors: Vectors) -> Spread:
        """Measure (N, D) vectors, two or more."""
        began = self._clock.monotonic()
        spread = self._pairwise(sample(vectors))
        ended = self._clock.monotonic()
        with self._lock:
            if scope not in self._began:
                self._open_at = ended + (ended - began) / SHARE_OF_THE_TIME
            self._began[scope] = began
            self._took[scope] = ended - began
        return spread

    def forget(self, scope: str) -> None:
        """Remove a scope. Safe from any thread."""
        with self._lock:
            self._began.pop(scope, None)
            self._took.pop(scope, None)


def sample(vectors: Vectors) -> Vectors:
    """Return at most 512 of (N, D) vectors, evenly spaced, always the same of the same.

    >>> len(sample(np.zeros((7, 2), np.float32))), len(sample(np.zeros((5000, 2), np.float32)))
    (7, 512)
    """
    if len(vectors) <= EXACT_UP_TO:
        return vectors
    return vectors[np.linspace(0, len(vectors) - 1, EXACT_UP_TO).astype(np.intp)]
