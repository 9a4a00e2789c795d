"""Which frames of a feed are taken: a range of time, a number in each second."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamsel.errors import SourceError
from streamsel.sources.decode.sampling import Sampling


def chosen(sampling: Sampling, rate: int, seconds: int) -> list[int]:
    chooser = sampling.chooser(Fraction(1, rate))
    return [index for index in range(rate * seconds) if chooser.wants(index / rate)]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), 250),
        (Sampling(start=4.0), 150),
        (Sampling(end=4.0), 100),
        (Sampling(start=2.0, end=4.0), 50),
        (Sampling(end=99.0), 250),
        (Sampling(start=99.0), 0),
        (Sampling(fps=5.0), 50),
        (Sampling(fps=99.0), 250),
        (Sampling(start=2.0, end=4.0, fps=5.0), 10),
        (Sampling(fps=0.15), 2),
    ],
)
def test_as_many_are_expected_as_are_taken(sampling: Sampling, expected: int) -> None:
    assert sampling.expected(250, 10.0) == expected
    assert len(chosen(sampling, 25, 10)) == expected


@pytest.mark.parametrize("seconds", [None, 0.0, -1.0])
def test_without_a_duration_all_are_expected(seconds: float | None) -> None:
    assert Sampling(fps=1.0).expected(250, seconds) == 250


@pytest.mark.parametrize(
    ("sampling", "seconds", "length"),
    [
        (Sampling(), 10.0, 10.0),
        (Sampling(start=4.0), 10.0, 6.0),
        (Sampling(end=4.0), 10.0, 4.0),
        (Sampling(end=40.0), 10.0, 10.0),
        (Sampling(start=11.0), 10.0, 0.0),
    ],
)
def test_the_length_is_that_of_the_range(sampling: Sampling, seconds: float, length: float) -> None:
    assert sampling.length(seconds) == length


def test_a_start_beyond_the_end_is_an_error() -> None:
    Sampling().require_start("walk", 0.0)
    Sampling(start=3.0).require_start("walk", 3.1)
    with pytest.raises(SourceError, match=r"walk ends at 3\.0 s, but start is 3 s"):
        Sampling(start=3.0).require_start("walk", 3.0)


def test_the_end_is_not_taken_and_rounding_takes_nothing_away() -> None:
    assert chosen(Sampling(start=1.0, end=2.0), 25, 3) == list(range(25, 50))
    chooser = Sampling(start=1.0, end=2.0).chooser()
    times = [0.9999, 1 - 1e-7, 1.5, 2 - 1e-7, 2.0]
    assert [time for time in times if chooser.wants(time)] == [1 - 1e-7, 1.5]
    assert [time for time in times if chooser.is_past(time)] == [2 - 1e-7, 2.0]
    assert not Sampling().chooser().is_past(1e9)


@pytest.mark.parametrize("rate", [30, 60])
def test_the_feeds_own_rate_takes_every_frame_though_times_are_rounded(rate: int) -> None:
    chooser = Sampling(fps=float(rate)).chooser(Fraction(1, rate))
    assert all(chooser.wants(round(index / rate, 3)) for index in range(300))


def test_each_tick_takes_the_nearest_frame_and_none_twice() -> None:
    assert chosen(Sampling(fps=2.0), 25, 3) == [0, 13, 25, 38, 50, 63]
    chooser = Sampling(fps=1.0).chooser()
    assert [chooser.wants(time) for time in (0.0, 0.0, 0.5, 5.0, 5.1, 6.0)] == [
        *(True, False, False, True, False, True),
    ]
