from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.selection.calibration import Calibration, Estimate, estimate_from
from tests.coreset.orders import order, streams
from tests.selection.floors import floor_from
from tests.selection.test_online import resting

SOME = settings(deadline=None, max_examples=30)


@SOME
@given(streams(most=60), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_it_tells_what_the_frames_together_would(
    vectors: np.ndarray, frames: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    rows = vectors[np.sort(random.integers(0, len(vectors), len(vectors)))].copy()  # some repeat
    rows[random.random(len(rows)) < 0.1] = np.nan
    valid = np.flatnonzero(~np.isnan(rows).any(axis=1))
    calibration = Calibration(frames)
    told = [calibration.see("gate", row) for row in rows]
    assert calibration.done == (len(valid) >= frames)
    for place, floor in enumerate(told):
        if floor is not None:
            assert floor == estimate_from(rows[: place + 1])
    if calibration.done:
        assert told[valid[frames - 1]] is not None
        assert told[valid[frames - 1] + 1 :] == [None] * (len(rows) - valid[frames - 1] - 1)


def test_there_are_early_estimates() -> None:
    calibration = Calibration(80)
    told = [calibration.see("gate", vector) for vector in resting(100, seed=1)]
    assert [place + 1 for place, floor in enumerate(told) if floor is not None] == [10, 20, 40, 80]
    assert min(floor.distance for floor in told if floor is not None) > 0.05


def test_only_the_feed_with_most_frames_is_heard() -> None:
    gate, yard = resting(40, seed=2), resting(40, seed=3, apart=0.02, scene=7)
    calibration = Calibration(16)
    heard = []
    for place in range(16):
        heard.append(calibration.see("gate", gate[place]))
        assert calibration.see("yard", yard[place]) is None
    assert heard[-1] == estimate_from(gate[:16])
    assert calibration.done
    assert calibration.see("yard", yard[20]) is None


def test_a_feed_is_not_heard_while_any_other_has_more_frames() -> None:
    calibration = Calibration(80)
    for feed, frames in (("gate", 19), ("yard", 2)):
        for vector in resting(frames, seed=2):
            calibration.see(feed, vector)
    vectors = resting(20, seed=3)
    assert [calibration.see("road", vector) for vector in vectors[:19]] == [None] * 19
    assert calibration.see("road", vectors[19]) is not None


def test_it_goes_on_without_the_distance_across_the_break() -> None:
    vectors = resting(100, seed=4)
    calibration = Calibration(100)
    for vector in vectors[:50]:
        calibration.see("gate", vector)
    other = Calibration(100, calibration.feeds)
    other.feeds["gate"].before = []
    told = [other.see("gate", vector) for vector in vectors[50:]]
    assert told[-1] is not None
    assert told[-1].distance == pytest.approx(floor_from(vectors), rel=0.1)
    assert len(other.feeds["gate"].lag_1) == 98


def test_too_few_frames_tell_nothing() -> None:
    calibration = Calibration(2)
    assert [calibration.see("gate", vector) for vector in order("random", 2, 4, seed=5)] == [
        None, Estimate(0.0),
    ]  # fmt: skip
