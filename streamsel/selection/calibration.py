"""Calibrates the near-duplicate distance from a stream, before or during selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamsel.coreset.assign import Distances
from streamsel.coreset.distance import are_unit, distances
from streamsel.errors import ConfigurationError
from streamsel.frame import Vector, Vectors

ESTIMATES = (8, 4, 2, 1)
"""Divisors of the calibration length after which there is an estimate: an eighth, a quarter, ..."""

FEWEST = 3
"""Minimum number of frames for an estimate."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The near-duplicate distance that consecutive frames of a feed suggest.

    ``is_at_rest``: at least in part of the frames only noise separates them; otherwise motion hides
    the noise, and the distance may be too small. ``is_unclear``: frames are farther apart than
    noise puts them, at any lag, as in a slide show, or where much moves between two frames and
    comes back; the distance is 0 then.
    """

    distance: float
    is_at_rest: bool = False
    is_unclear: bool = False


@dataclass(slots=True)
class Gaps:
    """Distances between successive frames of one feed.

    ``frames`` counts the frames. ``lag_1`` and ``lag_2`` are the distances of consecutive frames
    and of every second one. ``before`` holds the last two distinct frames, latest last.
    """

    frames: int = 0
    lag_1: list[float] = field(default_factory=list)
    lag_2: list[float] = field(default_factory=list)
    before: list[Vector] = field(default_factory=list)


class Calibration:
    """Estimates the near-duplicate distance from the first ``frames`` valid embeddings of a feed.

    Uses the feed with the most embeddings, and :func:`estimate_from`. Frames need not wait for the
    result: there are estimates after the first eighth, quarter and half. Memory: two vectors per
    feed, and the distances.
    """

    def __init__(self, frames: int, feeds: Mapping[str, Gaps] | None = None) -> None:
        """Start, or continue from ``feeds``; distances across the interruption are not measured.

        Raises:
            ConfigurationError: ``frames`` is below 1.
        """
        if frames < 1:
            raise ConfigurationError(
                f"selector: calibration_frames is {frames}; it must be at least 1"
            )
        self._due = {max(FEWEST, frames // part) for part in ESTIMATES[:-1]} | {frames}
        self._frames = frames
        self.feeds: dict[str, Gaps] = dict(feeds or {})

    @property
    def done(self) -> bool:
        """Whether the last estimate is final."""
        return any(gaps.frames >= self._frames for gaps in self.feeds.values())

    def see(self, feed: str, vector: Vector) -> Estimate | None:
        """Add the next embedding of a feed; return a new estimate if one is due, else None."""
        if self.done or not are_unit(vector[None])[0]:
            return None
        gaps = self.feeds.setdefault(feed, Gaps())
        gaps.frames += 1
        _measure(gaps, vector)
        others = (other.frames for name, other in self.feeds.items() if name != feed)
        if gaps.frames not in self._due or gaps.frames <= max(others, default=0):
            return None
        return self.estimate()

    def estimate(self) -> Estimate:
        """Return the estimate from the embeddings so far, at least one."""
        most = max(self.feeds.values(), key=lambda gaps: gaps.frames)
        return estimate_of(np.array(most.lag_1), np.array(most.lag_2))


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
"""Percentile of the distances that represents the quiet part of the feed."""

FLOOR_PER_NOISE = 2.0
"""Near-duplicate distance as a multiple of the distance that noise puts between two frames."""

SCATTER = 0.1
"""How far two percentiles of a hundred squared distances may differ by chance."""

FEWEST_AT_REST = 40
"""Minimum number of distances to detect that only noise separates the frames."""

AT_REST = 0.25
"""Growth of the median squared distance from lag 1 to lag 2 up to which a feed rests. Chance alone
makes a tenth, smooth motion makes it four times as large, and motion without inertia twice."""

TAIL = 8.0
"""Standard deviations of noise that the floor of a resting feed leaves room for; the kept frame
is a noisy one itself, and millions of frames are compared with it."""

_QUIET_IN_DEVIATIONS = 1.645

MOST = 0.5
"""Maximum near-duplicate distance.

Unrelated frames, as in a slide show, are equally far apart at any lag, just like those of a resting
camera; but noise never separates frames this much, so an estimate beyond it tells nothing."""

PART = 16
"""Number of successive distances that are compared with those before and after."""

MIXED = 2.0
"""How many times the median of the quietest part a part's may be, for the same noise. Chance alone
makes it 1.5 where noise has four directions."""


def estimate_from(vectors: Vectors) -> Estimate:
    """Estimate the near-duplicate distance of a feed from consecutive frames.

    ``vectors`` (N, D) are consecutive frames of one feed, about a hundred of them. Sensor noise and
    compression alone separate the frames of a resting camera, in a real embedding by .13 to .23, so
    no fixed distance will do: the estimate is twice the 5th percentile of the distance of
    consecutive frames. But motion separates consecutive frames too. Noise separates frames equally
    at any lag, while the effect of motion grows with the lag: the squared distance at lag 0,
    extrapolated from lags 1 and 2, is what geostatistics calls the nugget of the variogram
    (Matheron 1963, "Principles of geostatistics", on the nugget effect). It is that of noise alone:
    ``2 * d1**2 - d2**2``, with the same percentile at either lag, and the latter square a tenth
    smaller because percentiles scatter. The smaller estimate is used. For a resting camera both are
    the same; for smooth motion the extrapolation is below zero and the result is 0; for motion
    without inertia (a random walk) it stays below the distance of consecutive frames.

    Twice the quiet distances are enough if noise moves a vector in many directions, so that all its
    distances are nearly the same. A small network sees noise in few directions, and the distances
    scatter. So if the medians are the same at either lag too, that is, if the feed rests, the
    result leaves room for the tail of such distances: squared lengths of noise are about gamma
    distributed, and their cube roots normal (Wilson and Hilferty 1931, "The distribution of
    chi-square"), so median and 5th percentile determine the distribution. Only the quiet parts
    count for this, those with a median of at most twice that of the quietest: a feed may begin with
    noise, or end with it, and a distribution fitted to both has a tail that belongs to neither.

    Beyond .5 the result tells nothing: no noise puts frames so far apart.

    Limit: noise that lasts over several frames looks like motion, and the estimate is too low for
    it.

    Repeated frames (distance 0, as in converted frame rates) say nothing about noise and are left
    out, as are invalid vectors. Fewer than three frames give 0. Cost O(N D).

    >>> rng = np.random.default_rng(0)
    >>> still = np.array([1.0, 0.0]) + 0.01 * rng.normal(size=(100, 2))
    >>> still /= np.linalg.norm(still, axis=1, keepdims=True)
    >>> pan = np.linspace(0.0, 3.0, 100)
    >>> turn = np.stack([np.cos(pan), np.sin(pan)], axis=1)
    >>> estimate_from(still.astype(np.float32)).is_at_rest
    True
    >>> estimate_from(turn.astype(np.float32))
    Estimate(distance=0.0, is_at_rest=False, is_unclear=False)
    """
    moving = vectors[are_unit(vectors)]  # (M, D)
    if len(moving) > 1:
        new = distances(moving[1:], moving[:-1]) > 0.0
        moving = moving[np.concatenate([[True], new])]
    return estimate_of(distances(moving[1:], moving[:-1]), distances(moving[2:], moving[:-2]))


def estimate_of(lag_1: Distances, lag_2: Distances) -> Estimate:
    """Return the result of :func:`estimate_from` of distances at lag 1 (N - 1,) and 2 (N - 2,)."""
    if len(lag_2) == 0:
        return Estimate(0.0)
    near = float(np.percentile(lag_1, QUIET))
    far = float(np.percentile(lag_2, QUIET))
    nugget = float(np.sqrt(max(0.0, 2.0 * near**2 - (1.0 - SCATTER) * far**2)))
    quiet = _quiet(lag_1)
    reach = _reach_at_rest(lag_1[quiet], lag_2[quiet[: len(lag_2)]])
    distance = max(FLOOR_PER_NOISE * min(near, nugget), reach)
    if distance > MOST:
        return Estimate(0.0, is_unclear=True)
    return Estimate(distance, is_at_rest=reach > 0.0)


def _quiet(lag_1: Distances) -> npt.NDArray[np.bool_]:
    """Return which distances (N - 1,) belong to the quiet parts of the feed."""
    parts = np.array_split(np.arange(len(lag_1)), max(1, len(lag_1) // PART))
    medians = [float(np.median(lag_1[part])) for part in parts]
    is_quiet = [median <= MIXED * min(medians) for median in medians]
    return np.repeat(is_quiet, [len(part) for part in parts])


def _reach_at_rest(lag_1: Distances, lag_2: Distances) -> float:
    """Return how far apart noise may put frames of a resting feed; 0 if it does not rest."""
    rests = np.median(lag_2) ** 2 <= (1.0 + AT_REST) * np.median(lag_1) ** 2
    if len(lag_2) < FEWEST_AT_REST or not rests:
        return 0.0
    normal = lag_1 ** (2 / 3)
    middle = float(np.median(normal))
    deviation = (middle - float(np.percentile(normal, QUIET))) / _QUIET_IN_DEVIATIONS
    return float((middle + TAIL * deviation) ** 1.5)
