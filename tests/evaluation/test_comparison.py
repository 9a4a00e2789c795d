"""The table: every row measures what it says, on the same frames."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamsel.evaluation.comparison import compare, our_selectors
from streamsel.evaluation.diversity import pairwise
from streamsel.frame import Candidate, Vectors
from tests.coreset.candidates import candidate


def drifting(count: int, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(size=(count, 16)) * 0.15, axis=0) + rng.normal(size=16)
    unit: Vectors = (steps / np.linalg.norm(steps, axis=1, keepdims=True)).astype(np.float32)
    return unit


def candidates(vectors: Vectors) -> list[Candidate]:
    return [candidate(index, vector) for index, vector in enumerate(vectors)]


def test_rows_and_their_meaning() -> None:
    vectors = drifting(400)
    rows = {row.method: row for row in compare(candidates(vectors), 40)}
    assert list(rows) == ["original", "uniform", "random", "online", "two-pass"]
    everything = pairwise(vectors)
    assert rows["original"].count == 400
    assert rows["original"].mean == everything.mean
    assert rows["original"].radius == 0
    assert rows["two-pass"].admitted == rows["uniform"].admitted == 40
    assert rows["online"].admitted >= rows["online"].count
    assert rows["two-pass"].min > rows["random"].min
    assert rows["two-pass"].radius < rows["random"].radius


def test_the_random_row_is_the_mean_of_its_draws() -> None:
    frames = candidates(drifting(200))
    draws = [compare(frames, 20, seed=seed, draws=1)[2] for seed in range(3)]
    mean = compare(frames, 20, seed=0, draws=3)[2]
    assert mean.min == pytest.approx(np.mean([draw.min for draw in draws]))
    assert mean.radius == pytest.approx(np.mean([draw.radius for draw in draws]))


def test_refused_candidates_do_not_count() -> None:
    vectors = drifting(50)
    mixed = [*candidates(vectors), candidate(50, None)]
    assert compare(mixed, 10) == compare(candidates(vectors), 10)


def test_fewer_frames_than_asked_for() -> None:
    rows = {row.method: row for row in compare(candidates(drifting(5)), 99)}
    assert rows["uniform"].count == rows["random"].count == rows["two-pass"].count == 5
    one = compare(candidates(drifting(1)), 99)
    assert json.loads(json.dumps([row.as_json() for row in one]))[0]["min"] is None
    assert compare([], 99) == []


def test_two_passes_see_all_frames_at_once_however_many() -> None:
    total = 33_000  # more than a selector takes at once by itself
    vectors = np.tile(drifting(2), (total // 2, 1))
    selectors = our_selectors(
        2, total, 16, near_duplicate="auto", calibration="held-back", look_ahead=32
    )
    assert selectors["two-pass"].judge(candidates(vectors)) == []
