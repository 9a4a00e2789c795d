from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.embed.distill.material import Clip, find_photographs, load_clips
from streamsel.embed.distill.procedural import log_uniform, procedural_picture
from streamsel.embed.distill.views import ViewMaker, cut, random_box, wandering
from tests.embed.distill.made import write_clip, write_photograph


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> ViewMaker:
    folder = tmp_path_factory.mktemp("material")
    write_clip(folder / "clip.mkv")
    for seed in range(3):
        write_photograph(folder / f"{seed}.png", seed)
    return ViewMaker(load_clips(folder), find_photographs(folder))


def test_the_same_seed_draws_the_same_groups(maker: ViewMaker) -> None:
    first, again, other = (
        [maker.group(rng) for _ in range(6)]
        for rng in (np.random.default_rng(1), np.random.default_rng(1), np.random.default_rng(2))
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_group_is_four_views_that_resemble_each_other(maker: ViewMaker) -> None:
    rng = np.random.default_rng(3)
    groups = np.stack([maker.group(rng) for _ in range(30)])  # (30, 4, 224, 224, 3)
    assert groups.shape == (30, 4, 224, 224, 3)
    assert groups.dtype == np.uint8
    small = groups[:, :, ::16, ::16].astype(np.float64)
    within = np.abs(small[:, 1:] - small[:, :1]).mean()
    between = np.abs(small[1:, 0] - small[:-1, 0]).mean()
    assert within < 0.5 * between


def test_a_cut_shows_what_the_box_holds() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 40:] = (10, 200, 30)
    assert (cut(picture, (44, 0, 36, 40)) == (10, 200, 30)).all()
    assert not cut(picture, (0, 0, 36, 40)).any()


def test_a_box_that_sticks_out_is_moved_in() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    inside = cut(picture, (60, 20, 20, 20))
    np.testing.assert_array_equal(cut(picture, (75, 33, 20, 20)), inside)
    np.testing.assert_array_equal(cut(picture, (-9, -9, 500, 500)), cut(picture, (0, 0, 80, 40)))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(8, 2000), st.integers(8, 2000)),
    st.floats(0.05, 0.9),
)
def test_random_boxes_lie_inside(seed: int, size: tuple[int, int], smallest: float) -> None:
    rng = np.random.default_rng(seed)
    left, top, width, height = random_box(rng, size, smallest, 1.0)
    slack = 1e-6 * max(size)
    assert left >= 0
    assert top >= 0
    assert left + width <= size[0] + slack
    assert top + height <= size[1] + slack
    assert width * height >= 0.6 * smallest * size[0] * size[1]


def test_without_drift_and_zoom_a_box_stays() -> None:
    box = (3.0, 4.0, 10.0, 20.0)
    assert wandering(np.random.default_rng(0), box, 0.0, 0.0) == [box] * 4


def test_procedural_pictures_vary_and_repeat_by_seed() -> None:
    drawn = [procedural_picture(np.random.default_rng(seed)) for seed in range(16)]
    assert {picture.shape for picture in drawn} == {(320, 320, 3)}
    assert len({picture.tobytes() for picture in drawn}) == 16
    again = procedural_picture(np.random.default_rng(5))
    np.testing.assert_array_equal(again, drawn[5])
    assert np.mean([picture.std() > 5 for picture in drawn]) > 0.8


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10), st.floats(1, 100))
def test_log_uniform_keeps_its_bounds(seed: int, low: float, ratio: float) -> None:
    value = log_uniform(np.random.default_rng(seed), low, low * ratio)
    assert low * (1 - 1e-9) <= value <= low * ratio * (1 + 1e-9)


def test_a_clip_is_looked_at_from_one_place_most_of_the_time() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    still = Clip("still", np.stack([picture] * 3), 1.0)
    maker, rng = ViewMaker((still,), ()), np.random.default_rng(1)
    groups = [maker._from_clip(rng) for _ in range(60)]
    steady = sum(bool((group == group[0]).all()) for group in groups)
    # All of the 45 % that show whole pictures, and half of the others.
    assert 36 <= steady <= 51
