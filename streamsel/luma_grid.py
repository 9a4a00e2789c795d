"""Measures how much two luma or chroma grids differ; used by all change detection."""

from __future__ import annotations

import numpy as np

from streamsel.frame import ChromaGrid, LumaGrid


def change(one: LumaGrid | ChromaGrid, other: LumaGrid | ChromaGrid) -> tuple[float, float]:
    """Return how much two grids differ, in levels: in the mean, and at most in a place.

    The mean of the absolute differences detects changes of the whole picture. A place is a cell, or
    a square of 2 x 2 cells, the mean of which counts double: noise averages out there by a factor
    of two, and a small object may lie across four cells.

    >>> change(np.array([[10, 20]], np.uint8), np.array([[10, 26]], np.uint8))
    (3.0, 6.0)
    >>> change(np.full((2, 2), 10, np.uint8), np.full((2, 2), 14, np.uint8))
    (4.0, 8.0)
    """
    difference = one.astype(np.int16) - other
    absolute = np.abs(difference)
    columns = difference[..., :-1, :] + difference[..., 1:, :]
    squares = np.abs(columns[..., :-1] + columns[..., 1:])  # four times the mean
    largest = max(float(absolute.max()), float(squares.max(initial=0)) / 2)
    return int(absolute.sum(dtype=np.int64)) / absolute.size, largest
