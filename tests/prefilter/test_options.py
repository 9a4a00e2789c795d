"""Bounds of the prefilter's options."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamsel.errors import ConfigurationError
from streamsel.prefilter.options import BOUNDS, PrefilterOptions

MADE: Callable[..., PrefilterOptions] = PrefilterOptions
OPTIONAL = ("black_share", "uniform_share", "freeze_seconds", "unchanged_mean", "min_sharpness")


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bounds_themselves_may_be_and_nothing_beyond(name: str) -> None:
    least, most = BOUNDS[name]
    for good in (least, least + 1 if most is None else most):
        assert getattr(MADE(**{name: good}), name) == good
    beyond = [least - 1] if most is None else [least - 1, most + 1]
    for bad in (*beyond, float("nan")):
        with pytest.raises(ConfigurationError, match=f"prefilter: {name} is .*; it must be "):
            MADE(**{name: bad})


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_check_may_be_left_out(name: str) -> None:
    assert getattr(MADE(**{name: None}), name) is None
