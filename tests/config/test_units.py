"""Durations, sizes and shares as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config.count import Count, read_count
from streamsel.config.listen import Listen, read_listen
from streamsel.config.units import (
    seconds,
    share,
    size_bytes,
    write_bytes,
    write_seconds,
)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("1k", 1000),
        ("1 kB", 1000),
        ("1KiB", 1024),
        ("1.5GB", 1_500_000_000),
        ("2TiB", 2 << 40),
        ("999999999999999999", 999_999_999_999_999_999),
    ],
)
def test_bytes(text: str, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "1e9", "GB", "1XB", "1.GB", "1GBB", "9" * 19, "inf"])
def test_what_is_not_a_number_of_bytes_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a number of bytes"):
        size_bytes(text)


@given(st.integers(0, 10**17) | st.integers(0, 10**5).map(lambda count: count << 30))
def test_written_bytes_are_read_exactly(size: int) -> None:
    assert size_bytes(write_bytes(size)) == size


@given(st.floats(0, 1e12) | st.integers(0, 10**9).map(float))
def test_written_durations_are_read_exactly(duration: float) -> None:
    assert seconds(write_seconds(duration)) == duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300", Count(300)),
        (" 1 ", Count(1)),
        ("10/m", Count(10, 60.0)),
        ("50 / h", Count(50, 3600.0)),
        ("1000/d", Count(1000, 86_400.0)),
    ],
)
def test_counts(text: str, expected: Count) -> None:
    assert read_count(text) == expected
    assert read_count(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "5.5", "50/", "50/w", "/h", "100001", "0/h", "1e3"]
)
def test_what_is_not_a_count(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_count(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", Listen("127.0.0.1", 9464)),
        ("localhost:0", Listen("localhost", 0)),
        ("[::1]:65535", Listen("::1", 65_535)),
        ("[fe80::1%eth0]:80", Listen("fe80::1%eth0", 80)),
    ],
)
def test_where_to_listen(text: str, expected: Listen) -> None:
    assert read_listen(text) == expected
    assert str(expected) == text
