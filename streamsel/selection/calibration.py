"""Calibrates the near-duplicate distance from a stream, before or during selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsel.coreset.assign import Distances
from streamsel.coreset.distance import are_unit, distances
from streamsel.errors import ConfigurationError
from streamsel.frame import Vector, Vectors

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


QUIET = 5
"""Percentile of the distances that is taken for the quiet part of the feed."""

FLOOR_PER_NOISE = 2.0
"""Floor in units of the distance that noise puts between two frames."""

SCATTER = 0.1
"""By how much two percentiles of a hundred squared distances may differ by chance."""

FEWEST_AT_REST = 40
"""Distances without which it cannot be told that nothing but noise separates frames."""

AT_REST = 0.25
"""Growth of the median squared distance from lag 1 to lag 2 up to which a feed rests. Chance alone
makes a tenth, smooth motion makes it four times as large, and motion without inertia twice."""

TAIL = 8.0
"""Standard deviations of noise that the floor of a resting feed leaves room for; the kept frame
is a noisy one itself, and millions of frames are compared with it."""

_QUIET_IN_DEVIATIONS = 1.645

MOST = 0.5
"""Largest floor. Frames that have nothing in common, as in a slide show, are equally far apart at
any lag, just like those of a resting camera; but noise never separates frames that much."""


def floor_from(vectors: Vectors) -> float:
    """Return the distance up to which frames of this feed are near duplicates.

    ``vectors`` (N, D) are consecutive frames of one feed, about a hundred of them. Sensor noise
    and compression alone separate the frames of a resting camera, in a real embedding by .13 to
    .23, so no fixed distance will do: the floor is twice the 5th percentile of the distance of
    consecutive frames. But motion separates consecutive frames too. Noise separates frames alike
    whatever the lag between them, while what motion does grows with the lag: the squared
    distance at lag 0, extrapolated from lags 1 and 2, is what geostatistics calls the nugget of
    the variogram (Matheron 1963, "Principles of geostatistics", on the nugget effect). It is that
    of noise alone: ``2 * d1**2 - d2**2``, with the same percentile at either lag, and the latter
    square a tenth smaller because percentiles scatter. The smaller estimate is used. For a
    resting camera both are the same; for smooth motion the extrapolation is below zero, and the
    floor is 0; for motion without inertia (a random walk) it stays below what separates
    consecutive frames. The floor never exceeds .5.

    Twice the quiet distances are enough where noise moves a vector in many directions, so that
    all its distances are nearly the same. A small network sees noise in few, and they scatter. So
    where the medians, too, are the same at either lag, which is to say that the feed rests, the
    floor leaves room for the tail of such distances: squared lengths of noise are about gamma
    distributed, and the cube roots of those normal (Wilson and Hilferty 1931, "The distribution
    of chi-square"), so median and 5th percentile tell all of them.

    What it cannot tell: noise that lasts over several frames looks like motion, and gets a floor
    too low for it.

    Repeated frames (distance 0, as converted frame rates have them) tell nothing of noise and
    are left out, and so are invalid vectors. Fewer than three frames give 0. Cost O(N D).

    >>> rng = np.random.default_rng(0)
    >>> still = np.array([1.0, 0.0]) + 0.01 * rng.normal(size=(100, 2))
    >>> still /= np.linalg.norm(still, axis=1, keepdims=True)
    >>> pan = np.linspace(0.0, 3.0, 100)
    >>> turn = np.stack([np.cos(pan), np.sin(pan)], axis=1)
    >>> floor_from(still.astype(np.float32)) > 0.0, floor_from(turn.astype(np.float32))
    (True, 0.0)
    """
    moving = vectors[are_unit(vectors)]  # (M, D)
    if len(moving) > 1:
        new = distances(moving[1:], moving[:-1]) > 0.0
        moving = moving[np.concatenate([[True], new])]
    return floor_of(distances(moving[1:], moving[:-1]), distances(moving[2:], moving[:-2]))


def floor_of(lag_1: Distances, lag_2: Distances) -> float:
    """Return what :func:`floor_from` does, from the distances at lag 1 (N - 1,) and 2 (N - 2,)."""
    if len(lag_2) == 0:
        return 0.0
    near = float(np.percentile(lag_1, QUIET))
    far = float(np.percentile(lag_2, QUIET))
    nugget = float(np.sqrt(max(0.0, 2.0 * near**2 - (1.0 - SCATTER) * far**2)))
    return min(MOST, max(FLOOR_PER_NOISE * min(near, nugget), _reach_at_rest(lag_1, lag_2)))


def _reach_at_rest(lag_1: Distances, lag_2: Distances) -> float:
    """How far noise may reach in a feed that rests; 0 where it does not, or cannot be told."""
    rests = np.median(lag_2) ** 2 <= (1.0 + AT_REST) * np.median(lag_1) ** 2
    if len(lag_2) < FEWEST_AT_REST or not rests:
        return 0.0
    normal = lag_1 ** (2 / 3)
    middle = float(np.median(normal))
    deviation = (middle - float(np.percentile(normal, QUIET))) / _QUIET_IN_DEVIATIONS
    return float((middle + TAIL * deviation) ** 1.5)
