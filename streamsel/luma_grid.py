"""Measures how much two luma grids differ; used by all change detection."""

from __future__ import annotations

import numpy as np

from streamsel.frame import LumaGrid


def change(one: LumaGrid, other: LumaGrid) -> tuple[float, int]:
    """Return the mean and the maximum absolute difference of two luma grids, in grey levels.

    The mean detects changes of the whole picture, the maximum a small object.

    >>> change(np.array([[10, 20]], np.uint8), np.array([[10, 26]], np.uint8))
    (3.0, 6)
    """
    difference = np.maximum(one, other) - np.minimum(one, other)
    return int(difference.sum(dtype=np.int64)) / difference.size, int(difference.max())
