"""Feeds that are not of one kind: slide shows, and quiet footage before or after noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsel.choices import Calibration
from streamsel.frame import Vectors
from streamsel.selection.budget import Budget
from streamsel.selection.calibration import estimate_from
from streamsel.selection.online import OnlineSelector
from tests.coreset.orders import unit
from tests.selection.test_duplicates import DIM, resting
from tests.selection.test_online import of

WAYS = pytest.mark.parametrize("calibration", ["held-back", "on-the-way"])
SEEDS = pytest.mark.parametrize("seed", range(4))


def slides(number: int, seed: int, apart: float = 0.7) -> Vectors:
    """Pictures that have nothing to do with each other, though all are pictures."""
    return resting(number, apart, seed, directions=6)


def scenes(number: int, seed: int) -> Vectors:
    """Footage that moves all the time, slowly, with little noise."""
    random = np.random.default_rng(seed)
    way = random.normal(size=(2, DIM)).T @ np.array(
        [np.cos(np.linspace(0, 5, number)), np.sin(np.linspace(0, 5, number))]
    )
    return unit(unit(way.T) + random.normal(size=(number, DIM)) * 0.01 / np.sqrt(2 * DIM))


def kept_of(
    vectors: Vectors, count: int, calibration: Calibration = "held-back", **more: Any
) -> tuple[OnlineSelector, int]:
    look_ahead = 32 if calibration == "held-back" else 1
    selector = OnlineSelector(
        Budget(count=count), DIM, calibration=calibration, look_ahead=look_ahead, **more
    )
    selector.judge(of(vectors))
    selector.finish()
    return selector, len(selector.kept)


@WAYS
@SEEDS
def test_every_slide_is_kept(calibration: Calibration, seed: int) -> None:
    selector, kept = kept_of(slides(60, seed), 60, calibration)
    assert kept == 60
    assert selector.floor == 0.0


@WAYS
@SEEDS
@pytest.mark.parametrize("quiet", [30, 45, 60])
def test_quiet_footage_before_noise_has_the_distance_of_the_footage(
    calibration: Calibration, seed: int, quiet: int
) -> None:
    vectors = np.concatenate([resting(quiet, 0.02, seed), slides(110 - quiet, seed + 9)])
    selector, kept = kept_of(vectors, 40, calibration)
    assert kept == 40
    assert 0.0 < selector.floor < 0.1


@WAYS
@SEEDS
def test_footage_after_a_noisy_start_has_the_distance_of_the_footage(
    calibration: Calibration, seed: int
) -> None:
    noise = resting(60, 0.22, seed, directions=8)
    selector, kept = kept_of(np.concatenate([noise, scenes(90, seed)]), 50, calibration)
    assert kept == 50
    assert selector.floor < 0.1


@WAYS
@SEEDS
def test_a_feed_that_calms_down_later_is_measured_again(
    calibration: Calibration, seed: int
) -> None:
    noisy, calm = resting(100, 0.2, seed), resting(250, 0.02, seed)
    selector, _ = kept_of(noisy, 50, calibration)
    was = selector.floor
    selector, kept = kept_of(np.concatenate([noisy, calm]), 50, calibration)
    assert was > 0.3
    assert 0.0 < selector.floor < 0.1
    assert kept <= 2


@WAYS
def test_a_camera_after_slides_is_measured_then(calibration: Calibration) -> None:
    vectors = np.concatenate([slides(100, 1), resting(250, 0.1, 2)])
    selector, kept = kept_of(vectors, 400, calibration)
    assert selector.floor == pytest.approx(0.2, rel=0.3)
    assert kept <= 102
    assert list(selector.warnings) == ["walk"]


@WAYS
def test_a_feed_that_comes_to_rest_loses_nothing(calibration: Calibration) -> None:
    vectors = np.concatenate([scenes(130, 1), resting(250, 0.1, 2)])
    selector, kept = kept_of(vectors, 400, calibration)
    assert selector.floor == 0.0
    assert kept == 380


def test_after_a_restart_slides_lose_nothing() -> None:
    before, _ = kept_of(slides(100, 1), 300, "on-the-way")
    after = OnlineSelector(Budget(count=300), DIM)
    after.restore(before.state(), of(slides(100, 1)))
    after.judge(of(slides(200, 2), 100))
    assert (after.floor, len(after.kept)) == (0.0, 300)


@WAYS
def test_noise_that_grows_later_evicts_nothing(calibration: Calibration) -> None:
    vectors = np.concatenate([resting(100, 0.02, 1), resting(300, 0.1, 2)])
    selector, _ = kept_of(vectors, 40, calibration)
    assert selector.floor < 0.1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("directions", [4, 8, DIM])
def test_chance_never_lowers_the_distance(seed: int, directions: int) -> None:
    vectors = resting(3000, 0.05, seed, directions)
    selector, kept = kept_of(vectors, 40)
    assert selector.floor == estimate_from(vectors[:100]).distance
    assert kept == 1


def test_what_cannot_be_told_is_said_of_the_feed() -> None:
    selector, _ = kept_of(slides(60, 1), 60)
    (said,) = selector.warnings.items()
    assert said[0] == "walk"
    assert "near-duplicate distance cannot be told" in said[1]
    assert kept_of(slides(60, 1), 60, floor=0.1)[0].warnings == {}
    assert kept_of(resting(60, 0.02, 1), 60)[0].warnings == {}


@WAYS
def test_only_feeds_that_are_streams_are_heard(calibration: Calibration) -> None:
    vectors = resting(120, 0.1, 3)
    assert kept_of(vectors, 200, calibration, calibration_feeds=["walk"])[1] == 1
    selector, kept = kept_of(vectors, 200, calibration, calibration_feeds=[])
    assert (selector.floor, kept, selector.warnings) == (0.0, 120, {})


def test_images_before_a_video_do_not_delay_its_distance_for_ever() -> None:
    selector = OnlineSelector(
        Budget(count=300), DIM, calibration="held-back", calibration_feeds=["video"], look_ahead=32
    )
    selector.judge(of(slides(120, 1), feed="images"))
    assert selector.floor == 0.0
    selector.judge(of(resting(200, 0.1, 2), feed="video"))
    selector.finish()
    assert selector.floor == pytest.approx(0.2, rel=0.3)
    assert sum(key.feed == "video" for key in selector.kept) == 1
