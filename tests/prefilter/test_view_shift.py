from __future__ import annotations

import pytest

from streamsel.frame import LumaGrid
from streamsel.prefilter.view_shift import stands
from tests.prefilter.scenes import seen, street, with_person

WIDE = street(7, 48)


def view(right: int = 0, down: int = 0, seed: int = 1) -> LumaGrid:
    return seen(WIDE[6 + down : 38 + down, 6 + right : 38 + right], seed)


@pytest.mark.parametrize("noise_seed", range(5))
def test_a_view_stands_in_the_noise_of_a_sensor(noise_seed: int) -> None:
    assert stands(view(), view(seed=noise_seed + 2))


@pytest.mark.parametrize(
    ("right", "down"), [(1, 0), (-1, 0), (0, 1), (0, -1), (2, 1), (-3, 3), (3, 0), (0, -3), (6, 2)]
)
def test_a_view_that_turned_does_not_stand_whichever_way(right: int, down: int) -> None:
    assert not stands(view(), view(right, down, seed=2))
    assert not stands(view(right, down), view(seed=2))


def test_neither_light_nor_a_person_moves_a_view() -> None:
    before = WIDE[6:38, 6:38]
    for after in (before * 0.8, before + 30, with_person(before, 12), before * 0.9 + 25):
        assert stands(seen(before, 1), seen(after, 2))


def test_another_scene_is_no_standing_view() -> None:
    assert not stands(view(), seen(street(9), 2))
