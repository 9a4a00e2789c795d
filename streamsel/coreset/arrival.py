"""The border of the coreset: what callers pass becomes points that can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamsel.coreset.decision import K, Point
from streamsel.coreset.distance import are_unit
from streamsel.errors import ConfigurationError
from streamsel.frame import Vectors


def arrivals(
    keys: Sequence[K],
    vectors: Vectors,
    times: Sequence[float],
    qualities: Sequence[float],
    first: int,
) -> list[Point[K] | None]:
    """Make points of a block, in order, numbered from ``first``; None for each invalid vector.

    ``vectors`` is (N, D), ``times`` and ``qualities`` are of length N. Each point owns a read-only
    copy of its vector, so that none keeps the block alive.
    """
    return [
        Point.of(keys[row], vectors[row], first + row, times[row], qualities[row]) if unit else None
        for row, unit in enumerate(are_unit(vectors).tolist())
    ]


def block_of(vectors: npt.ArrayLike, count: int, dim: int) -> Vectors:
    """Return ``vectors`` as a (count, dim) float32 array.

    A number too large for float32 becomes an infinity, so that its frame is invalid.

    Raises:
        ConfigurationError: The shape is another.
    """
    with np.errstate(over="ignore"):
        block = np.ascontiguousarray(vectors, np.float32)
    if block.shape != (count, dim) and (count or block.size):
        raise ConfigurationError(
            f"coreset: vectors of shape {block.shape} came for {count} keys of dimension {dim}; "
            f"the shape must be ({count}, {dim})"
        )
    return block.reshape(count, dim)


def times_of(times: Sequence[float] | None, count: int, needed: bool) -> list[float]:
    """Return ``times`` as ``count`` finite numbers, NaN each where there are none and none needed.

    Raises:
        ConfigurationError: They are missing, too few or many, or not finite.
    """
    if times is None:
        if needed:
            raise ConfigurationError("coreset: with a window every frame must come with its time")
        return [math.nan] * count
    return _finite("times", times, count)


def qualities_of(qualities: Sequence[float] | None, count: int) -> list[float]:
    """Return ``qualities`` as ``count`` finite numbers, 0 each where there are none.

    Raises:
        ConfigurationError: They are too few or many, or not finite.
    """
    return [0.0] * count if qualities is None else _finite("qualities", qualities, count)


def _finite(name: str, values: Sequence[float], count: int) -> list[float]:
    """Check that ``values`` are ``count`` finite numbers."""
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ConfigurationError(
            f"coreset: {name} must be {count} finite numbers, one for each key"
        )
    return numbers
