"""Numbers of a configuration: units, bounds, whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.config import numbers
from streamsel.config.count import Count, read_count
from streamsel.config.fields import Kind
from streamsel.errors import ConfigurationError


def read(kind: Kind, value: object) -> object:
    return kind.read(value, Path())


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (numbers.number(0, 2), [0, 2, 1.5, "0.5"], [-0.1, 2.1, "x", None, True, float("nan")]),
        (numbers.number(above=0), [0.1, 1e9], [0, -1, float("inf")]),
        (numbers.whole(1, 9), [1, 9, 2.0, " 3 "], [0, 10, 1.5, "1.5", "1e0", False, []]),
        (numbers.seconds(0, 60), [0, 60, "1m", "30s", 0.5], ["2m", 61, -1, "soon"]),
        (numbers.size_bytes(1024), [1024, "1KiB"], [1023, 1024.5, "much"]),
        (numbers.share(), [1, 0.001, "50%", "100%"], [0, 1.001, "101%", "0%", -1]),
        (numbers.floor(2), ["auto", 0, 2, "0.5"], ["Auto", -1, 2.1, None]),
    ],
)
def test_what_is_within_bounds_is_read_and_nothing_else(
    kind: Kind, good: Sequence[object], bad: Sequence[object]
) -> None:
    for value in good:
        read(kind, value)
    for value in bad:
        with pytest.raises(ConfigurationError):
            read(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (numbers.number(), 3, 3.0),
        (numbers.whole(0), 3.0, 3),
        (numbers.seconds(), "2m", 120.0),
        (numbers.share(), "25%", 0.25),
        (numbers.floor(2), "auto", "auto"),
        (numbers.floor(2), "0.5", 0.5),
    ],
)
def test_a_number_has_the_type_of_its_kind(
    kind: Kind, value: float | str, found: float | str
) -> None:
    read_value = read(kind, value)
    assert read_value == found
    assert type(read_value) is type(found)


@pytest.mark.parametrize(
    ("kind", "told", "schema"),
    [
        (numbers.number(0, 2), "number from 0 to 2", {"minimum": 0, "maximum": 2}),
        (numbers.number(above=0), "number above 0", {"exclusiveMinimum": 0}),
        (numbers.whole(1), "whole number of at least 1", {"minimum": 1}),
        (numbers.whole(1, 5000), "whole number from 1 to 5,000", {"minimum": 1, "maximum": 5000}),
        (numbers.seconds(most=60), "duration at most ", {"maximum": 60}),
        (numbers.share(), "share above 0 and at most ", {"exclusiveMinimum": 0, "maximum": 1}),
    ],
)
def test_bounds_are_told_in_words_and_in_the_schema(
    kind: Kind, told: str, schema: dict[str, int]
) -> None:
    assert kind.told.startswith(told)
    numeric, text = kind.schema["anyOf"]
    assert numeric == {"type": numeric["type"], **schema}
    assert (numeric["type"] == "integer") == told.startswith("whole")
    assert text == {"type": "string"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("300", Count(300)),
        (" 10/m ", Count(10, 60.0)),
        ("50 / h", Count(50, 3600.0)),
        ("1000/d", Count(1000, 86_400.0)),
    ],
)
def test_a_count_is_in_total_or_for_each_minute_hour_or_day(text: str, count: Count) -> None:
    assert read_count(text) == count
    assert str(count) == text.replace(" ", "")


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "10/w", "10/", "10m", "9" * 19])
def test_another_count_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_count(text)
