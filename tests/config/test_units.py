"""Durations, sizes and shares as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config.units import seconds, share, size_px
from streamsel.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        ("250ms", 0.25),
        ("90s", 90.0),
        ("2m", 120.0),
        ("2min", 120.0),
        ("1h 30m", 5400.0),
        ("24h", 86400.0),
        ("1d12h", 129600.0),
        ("02:03", 123.0),
        ("1:02:03.25", 3723.25),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "-1", "1x", "h", "1h30", "1:2:3:4", "ten", "1e3", "inf"])
def test_what_is_not_a_duration_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a duration"):
        seconds(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_clock_and_units_agree(hours: int, minutes: int, rest: int) -> None:
    clock = seconds(f"{hours}:{minutes:02d}:{rest:02d}")
    assert clock == seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize(
    ("text", "expected"), [("0.2", 0.2), ("20%", 0.2), ("1", 1.0), ("1%", 0.01)]
)
def test_shares(text: str, expected: float) -> None:
    assert share(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["0", "-0.1", "1.01", "101%", "x", "", "nan"])
def test_what_is_not_a_share_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a share"):
        share(text)


def test_sizes() -> None:
    assert size_px("640x360") == (640, 360)
    assert size_px("1X1") == (1, 1)
    for text in ["0x1", "1x0", "640", "axb", "20000x1", "-1x5"]:
        with pytest.raises(ConfigurationError, match="not a size"):
            size_px(text)
