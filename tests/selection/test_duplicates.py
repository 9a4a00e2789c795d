from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.selection.calibration import (
    FEWEST_AT_REST,
    MOST,
    Estimate,
    estimate_from,
    estimate_of,
)
from tests.coreset.orders import EXAMPLES, offer_all, streams, unit
from tests.selection.floors import floor_from

DIM = 256


def resting(number: int, apart: float, seed: int, directions: int = DIM) -> np.ndarray:
    """Frames of one scene that noise alone, in so many directions, separates by ``apart``."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(number, DIM)) * apart / np.sqrt(2 * directions)
    noise[:, directions:] = 0.0
    return unit(unit(random.normal(size=(1, DIM))) + noise)


def passing(number: int, apart: float, seed: int) -> np.ndarray:
    """The same with something that crosses the picture now and then."""
    way = np.zeros(number)
    for start in range(0, number - 30, 70):
        way[start : start + 30] = np.sin(np.linspace(0.0, np.pi, 30))
    there = unit(np.random.default_rng(seed + 1).normal(size=(1, DIM)))
    return unit(resting(number, apart, seed) + 0.6 * way[:, None] * there)


def pan(number: int, turns: float) -> np.ndarray:
    angle = np.linspace(0.0, 2 * np.pi * turns, number)
    plane = np.zeros((number, DIM))
    plane[:, 0], plane[:, 1] = np.cos(angle), np.sin(angle)
    return unit(plane)


def walk(number: int, step: float, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(size=(number, DIM)) * step / np.sqrt(DIM)
    return unit(np.eye(DIM)[0] + steps.cumsum(axis=0))


def consecutive(vectors: np.ndarray) -> np.ndarray:
    return distances(vectors[1:], vectors[:-1])


@pytest.mark.parametrize("block", [1, 32])
@pytest.mark.parametrize("apart", [0.01, 0.05, 0.13, 0.23])
@pytest.mark.parametrize("seed", range(3))
def test_a_resting_noisy_camera_keeps_one_frame(apart: float, seed: int, block: int) -> None:
    vectors = resting(900, apart, seed)
    coreset = Coreset[int](100, DIM, floor=floor_from(vectors[:100]))
    offer_all(coreset, vectors, block)
    assert len(coreset) == coreset.admitted == 1


@pytest.mark.parametrize("directions", [4, 8, 16])
@pytest.mark.parametrize("seed", range(6))
def test_noise_that_scatters_because_it_has_few_directions_keeps_one_frame_too(
    directions: int, seed: int
) -> None:
    vectors = resting(3000, 0.02, seed, directions)
    coreset = Coreset[int](100, DIM, floor=floor_from(vectors[:100]))
    offer_all(coreset, vectors, 32)
    assert len(coreset) == coreset.admitted == 1


def test_without_a_floor_noise_fills_every_place() -> None:
    coreset = Coreset[int](100, DIM)
    offer_all(coreset, resting(900, 0.1, 0), 32)
    assert len(coreset) == 100


@pytest.mark.parametrize("seed", range(5))
def test_what_passes_does_not_raise_the_floor(seed: int) -> None:
    alone, passed = floor_from(resting(100, 0.13, seed)), floor_from(passing(100, 0.13, seed))
    assert alone == pytest.approx(2 * 0.12, rel=0.1)
    assert passed == pytest.approx(alone, rel=0.15)


def test_every_other_frame_repeated_tells_the_same() -> None:
    vectors = resting(100, 0.13, 7)
    assert floor_from(np.repeat(vectors, 2, axis=0)) == floor_from(vectors)


def test_invalid_frames_are_left_out() -> None:
    vectors = resting(60, 0.13, 8)
    bad = np.insert(vectors, [5, 20, 20], np.array([[np.nan], [0.0], [np.inf]]), axis=0)
    assert floor_from(bad) == floor_from(vectors)


@pytest.mark.parametrize("turns", [0.1, 1.0, 10.0])
def test_a_pan_needs_no_floor(turns: float) -> None:
    assert floor_from(pan(100, turns)) == 0.0


@pytest.mark.parametrize("seed", range(8))
def test_the_floor_of_a_walk_stays_below_what_separates_consecutive_frames(seed: int) -> None:
    vectors = walk(100, 0.2, seed)
    assert floor_from(vectors) < np.percentile(consecutive(vectors), 5)


@pytest.mark.parametrize("capacity", [50, 100])
def test_fast_video_still_fills_the_set(capacity: int) -> None:
    for vectors in (pan(900, 40.3), walk(900, 0.5, 1)):
        coreset = Coreset[int](capacity, DIM, floor=floor_from(vectors[:100]))
        offer_all(coreset, vectors, 32)
        assert len(coreset) == capacity


def test_unrelated_pictures_are_not_taken_for_noise() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(300, DIM)))
    assert estimate_from(vectors[:100]) == Estimate(0.0, is_unclear=True)


@pytest.mark.parametrize("seed", range(4))
def test_what_swings_fast_is_not_taken_for_noise(seed: int) -> None:
    """Much moves between two frames and comes back: the distance does not grow with the lag."""
    swing = np.sin(np.random.default_rng(seed).uniform(0, 2 * np.pi, size=(100, 4)))
    rows = unit(np.eye(DIM)[0] + 0.12 * swing @ np.eye(4, DIM, k=1))
    assert np.median(consecutive(rows)) < MOST / 2
    assert estimate_from(rows) == Estimate(0.0, is_unclear=True)


@EXAMPLES
@given(streams(), st.integers(0, 3))
def test_the_floor_of_a_feed_that_does_not_rest_is_bounded_by_what_separates_its_frames(
    vectors: np.ndarray, number: int
) -> None:
    floor = floor_from(vectors)
    assert 0.0 <= floor <= MOST
    apart = consecutive(vectors)
    apart = apart[apart > 0]
    if 0 < len(apart) < FEWEST_AT_REST:
        assert floor <= 2 * np.percentile(apart, 5) + 1e-12
    assert floor_from(vectors[: min(number, 2)]) == 0.0


def test_the_floor_is_twice_what_is_left_of_the_distance_at_lag_0() -> None:
    lag_1, lag_2 = np.full(20, 0.10), np.full(19, 0.12)
    assert estimate_of(lag_1, lag_2).distance == pytest.approx(
        2 * math.sqrt(2 * 0.10**2 - 0.9 * 0.12**2)
    )
    # Chance alone may make the second a little larger; then the first is believed.
    assert estimate_of(lag_1, np.full(19, 0.105)).distance == pytest.approx(2 * 0.10)


def test_it_takes_forty_distances_to_tell_that_a_feed_rests() -> None:
    apart = np.random.default_rng(9).uniform(0.01, 0.02, FEWEST_AT_REST + 1)
    known, too_few = (estimate_of(apart[: n + 1], apart[:n]).distance for n in (FEWEST_AT_REST, 39))
    assert FEWEST_AT_REST == 40
    assert too_few == pytest.approx(2 * np.percentile(apart[:40], 5), rel=0.1)
    assert known > 1.5 * too_few
