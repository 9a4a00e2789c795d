from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamsel.luma_grid import change
from streamsel.prefilter.measures import dark_share, digest_of, sharpness_of, uniform_share
from tests.prefilter.thumbnailers import Luma, textured

ROWS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(10, 60)))


def by_the_paper(rows: Luma) -> float:
    """Crete-Roffet et al. 2007 with the box filter run, and the two allowances for noise."""
    levels = rows.astype(float)
    blurred = np.stack([np.convolve(row, np.ones(9) / 9, mode="valid") for row in levels])
    steps_blurred = np.abs(np.diff(blurred, axis=1))
    steps = np.abs(np.diff(levels[:, 4:-4], axis=1))
    edges = steps_blurred * 9 > 9.5
    if edges.mean() < 1 / 200:
        return 1.0
    steps = np.where(edges, steps, 0)
    return float(np.maximum(0, steps - steps_blurred - 1).sum() / max(1, steps.sum()))


def smeared(luma: Luma, width: int) -> Luma:
    """Averaged over ``width`` pixels along the rows."""
    padded = np.pad(luma.astype(float), ((0, 0), (width // 2, width - 1 - width // 2)), "edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    return np.asarray((sums[:, width:] - sums[:, :-width]) / width).astype(np.uint8)


@settings(deadline=None, max_examples=100)
@given(ROWS)
def test_sharpness_is_what_the_paper_defines(rows: Luma) -> None:
    assert sharpness_of(rows) == pytest.approx(by_the_paper(rows), abs=1e-9)


def test_sharpness_falls_with_every_widening_of_the_blur() -> None:
    picture = np.kron(textured(3), np.ones((16, 16), np.uint8))
    levels = [sharpness_of(smeared(picture, width)) for width in (1, 3, 5, 9, 17, 65)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0.5
    assert levels[-1] < 0.01


def test_sharpness_does_not_depend_on_contrast() -> None:
    picture = textured(5)
    weaker = (picture // 2).astype(np.uint8)
    assert sharpness_of(weaker) == pytest.approx(sharpness_of(picture), abs=0.03)


@pytest.mark.parametrize("rows", [np.full((8, 64), 90), np.zeros((4, 5)), np.ones((1, 9))])
def test_a_picture_without_an_edge_is_not_blurred(rows: Luma) -> None:
    assert sharpness_of(rows.astype(np.uint8)) == 1.0


def test_sensor_noise_on_a_blurred_picture_does_not_make_it_sharp() -> None:
    noise = np.random.default_rng(0).normal(0, 0.7, (256, 256))
    blurred = smeared(np.kron(textured(3), np.ones((4, 4), np.uint8)), 33)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    assert sharpness_of(noisy) < 0.3


@settings(deadline=None, max_examples=50)
@given(ROWS, st.data())
def test_digests_differ_where_a_single_pixel_does(rows: Luma, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, rows.shape[0] - 1))
    column = data.draw(st.integers(0, rows.shape[1] - 1))
    other = rows.copy()
    other[row, column] ^= 1
    assert digest_of(rows) != digest_of(other)
    assert digest_of(rows) == digest_of(rows[:, ::-1].copy()[:, ::-1])
    assert 0 < digest_of(rows) < 1 << 64


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.uint8, (32, 32)), hnp.arrays(np.uint8, (32, 32)))
def test_change_is_the_absolute_difference_of_cells_and_twice_that_of_squares(
    one: Luma, other: Luma
) -> None:
    difference = one.astype(int) - other.astype(int)
    squares = np.lib.stride_tricks.sliding_window_view(difference, (2, 2)).mean(axis=(2, 3))
    largest = max(np.abs(difference).max(), 2 * np.abs(squares).max())
    assert change(one, other) == (np.abs(difference).mean(), largest)
    assert change(one, other) == change(other, one)


def test_shares() -> None:
    half = np.zeros((32, 32), np.uint8)
    half[:16] = 200
    assert dark_share(half, 32) == 0.5
    assert dark_share(half, 0) == 0.0
    assert uniform_share(half) == 1.0
    half[4, 5] = 201
    assert uniform_share(half) == 31 / 32
