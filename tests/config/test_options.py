"""Options refuse what cannot be, before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from streamsel.config.definitions import DEFAULT_COUNT
from streamsel.config.options import ReadOptions, RunOptions, SelectOptions
from streamsel.errors import ConfigurationError


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": 5, "share": 0.5},
        {"method": "best"},
        {"min_distance": -0.1},
        {"min_distance": 2.1},
        {"near_duplicate": 3.0},
        {"look_ahead": 0},
        {"window": 0.0},
        {"window": 5.0, "method": "random"},
        {"near_duplicate": 0.1, "method": "two-pass"},
        {"look_ahead": 1, "method": "two-pass"},
        {"calibration": "on-the-way", "method": "two-pass"},
        {"calibration": "later"},
        {"min_distance": 0.1, "method": "uniform"},
        {"min_distance": 0.1, "method": "random"},
        {"count": 10**11},
        {"seed": -1},
        {"seed": 2**63},
        {"share": 0.0},
        {"share": 1.1},
        {"share": float("nan")},
    ],
)
def test_selections_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SelectOptions(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": 0.0},
        {"fps": -1.0},
        {"start": 5.0, "end": 5.0},
        {"end": 0.0},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"start": -1.0},
        {"decode": "some"},
        {"decode": "fast", "filters": "hflip"},
    ],
)
def test_readings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ReadOptions(**wrong)


@pytest.mark.parametrize("decode", ["reference", "keyframes", "adaptive"])
def test_evenly_spread_frames_need_all_of_them(decode: Any) -> None:
    even = SelectOptions(method="uniform")
    with pytest.raises(ConfigurationError, match=f"decode is {decode}"):
        RunOptions(read=ReadOptions(decode=decode), select=even)
    assert RunOptions(read=ReadOptions(decode="fast"), select=even).select == even


def test_the_number_of_frames_to_keep() -> None:
    assert SelectOptions(count=7).target(1000) == 7
    assert SelectOptions(share=0.2).target(474) == 95
    assert SelectOptions(share=0.001).target(10) == 1
    assert SelectOptions().target(1000) == DEFAULT_COUNT
    assert SelectOptions(min_distance=0.5).target(1000) > 1000
