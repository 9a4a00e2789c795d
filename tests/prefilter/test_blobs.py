from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamsel.prefilter.blobs import largest_blob


def _painted(marked: np.ndarray) -> int:
    """The same by painting from cell to cell."""
    left = {(int(row), int(column)) for row, column in np.argwhere(marked)}
    most = 0
    while left:
        reached, waiting = 0, [left.pop()]
        while waiting:
            row, column = waiting.pop()
            reached += 1
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            waiting += near & left
            left -= near
        most = max(most, reached)
    return most


@given(arrays(np.bool_, st.tuples(st.integers(1, 32), st.integers(1, 32))))
def test_the_largest_blob_is_that_of_painting(marked: np.ndarray) -> None:
    assert largest_blob(marked) == _painted(marked)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5])
def test_scattered_cells_are_joined_over_sides_and_corners(share: float) -> None:
    marked = np.random.default_rng(3).random((32, 32)) < share
    assert largest_blob(marked) == _painted(marked)


def test_the_right_edge_does_not_touch_the_next_row() -> None:
    marked = np.zeros((32, 32), np.bool_)
    marked[3, 31] = marked[4, 0] = marked[5, 0] = True
    assert largest_blob(marked) == 2
