from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.timestamps import (
    CONTINUOUS_STEP,
    DISCONTINUOUS_STEP,
    BestTimes,
    Timeline,
)

TICK = Fraction(1, 90000)


def stamp_all(
    pts: Iterable[int | None], rate: Fraction = Fraction(25), longest: float = DISCONTINUOUS_STEP
) -> tuple[list[float], Timeline]:
    timeline = Timeline(rate, longest)
    return [timeline.stamp(p, TICK) for p in pts], timeline


def test_it_begins_at_zero_and_follows_pts_exactly() -> None:
    times, timeline = stamp_all([133200 + 3003 * i for i in range(1000)])
    assert times == [3003 * i / 90000 for i in range(1000)]
    assert (timeline.jumps, timeline.missing) == (0, 0)


def test_a_counter_that_wraps_is_bridged() -> None:
    top = 1 << 33
    times, timeline = stamp_all([top - 7200, top - 3600, 0, 3600])
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])
    assert timeline.jumps == 1


def test_two_frames_of_one_time_stay_together() -> None:
    times, timeline = stamp_all([0, 3600, 3600, 7200])
    assert times == pytest.approx([0, 0.04, 0.04, 0.08])
    assert timeline.jumps == 0


@pytest.mark.parametrize(
    ("stamps", "best"),
    [
        ([(0, 0), (3, 1), (1, 2), (2, 3), (6, 4)], [0, 3, 2, 3, 4]),  # pts steps back, dts does not
        ([(0, -1), (1, 0), (2, 1)], [0, 1, 2]),
        ([(None, 5), (None, 6)], [5, 6]),
        ([(5, None), (6, None), (None, None)], [5, 6, None]),
    ],
)
def test_the_timestamp_that_steps_back_less_often_is_believed(
    stamps: list[tuple[int | None, int | None]], best: list[int | None]
) -> None:
    times = BestTimes(trusts_pts=True)
    assert [times.of(pts, dts) for pts, dts in stamps] == best


def test_without_presentation_times_a_picture_is_timed_by_when_it_is_decoded() -> None:
    times = BestTimes(trusts_pts=False)
    stamps = [(1, 2), (3, 3), (2, 4), (5, None), (4, None)]
    assert [times.of(pts, dts) for pts, dts in stamps] == [2, 3, 4, 5, None]


def test_a_long_still_is_kept_where_clocks_do_not_jump() -> None:
    times, _ = stamp_all([0, 20 * 90000], longest=CONTINUOUS_STEP)
    assert times == [0, 20]
    times, _ = stamp_all([0, 20 * 90000], longest=DISCONTINUOUS_STEP)
    assert times == [0, 0.04]


def test_gaps_are_filled_at_the_average_rate() -> None:
    times, timeline = stamp_all([None, None, None, 7200, 10800])
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert timeline.missing == 3


@pytest.mark.parametrize("rate", [None, Fraction(90000), Fraction(12800, 2147483647), Fraction(0)])
def test_an_implausible_rate_counts_as_25(rate: Fraction | None) -> None:
    assert Timeline(rate, 5).interval == Fraction(1, 25)


@given(st.lists(st.none() | st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=60))
def test_it_never_steps_back_nor_far(pts: list[int | None]) -> None:
    times, _ = stamp_all(pts)
    assert times[0] == 0
    steps = [b - a for a, b in pairwise(times)]
    assert all(-1e-9 <= step <= DISCONTINUOUS_STEP + 1e-6 for step in steps)


@given(
    st.floats(0.1, 60),
    st.floats(0, 20),
    st.floats(0.1, 30),
    st.lists(st.floats(0, 2), min_size=1, max_size=80),
)
def test_thinning_never_gives_more_than_asked_for(
    fps: float, start: float, length: float, gaps: list[float]
) -> None:
    chooser = Sampling(start, start + length, fps).chooser()
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    chosen = [time for time in times if chooser.wants(time)]
    assert all(start - 1e-5 <= time < start + length for time in chosen)
    early = min(0.5, 1e-3 * fps) - 1e-6
    ticks = [math.floor((time - start) * fps + early) for time in chosen]
    assert len(set(ticks)) == len(ticks)


@pytest.mark.parametrize(
    ("rate", "fps"),
    [
        *((rate, float(rate)) for rate in (12, 15, 24, 25, 30, 50, 60, 120, 240)),
        (Fraction(30000, 1001), 29.97),
        (Fraction(24000, 1001), 23.976),
        (Fraction(60000, 1001), 59.94),
    ],
)
@pytest.mark.parametrize("unit", [Fraction(1, 1000), Fraction(1, 90000), None])
def test_every_frame_is_chosen_at_the_rate_of_the_feed(
    rate: int | Fraction, fps: float, unit: Fraction | None
) -> None:
    times = [index / Fraction(rate) for index in range(2000)]
    if unit is not None:
        times = [round(time / unit) * unit for time in times]
    chooser = Sampling(fps=fps).chooser(1 / Fraction(rate))
    assert all(chooser.wants(float(time)) for time in times)


@pytest.mark.parametrize(("rate", "fps"), [(30, 15), (30, 10), (30, 7.5), (60, 12), (25, 5)])
def test_a_whole_part_of_the_rate_takes_every_nth_frame(rate: int, fps: float) -> None:
    chooser = Sampling(fps=fps).chooser(Fraction(1, rate))
    chosen = [index for index in range(600) if chooser.wants(round(index / rate, 3))]
    assert chosen == list(range(0, 600, round(rate / fps)))


def test_a_camera_that_is_a_little_early_or_late_is_not_thinned() -> None:
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, 900)
    times = np.arange(900) / 30 + jitter
    chooser = Sampling(fps=30).chooser(Fraction(1, 30))
    assert all(chooser.wants(float(time - times[0])) for time in times)


def test_a_rate_above_that_of_the_feed_takes_every_frame() -> None:
    times = [index * 1001 / 30000 for index in range(5000)]
    chooser = Sampling(fps=30).chooser(Fraction(1001, 30000))
    assert all(chooser.wants(time) for time in times)


def test_a_frame_at_an_uneven_time_stands_for_the_tick_before_it() -> None:
    times = [0.0, 0.1, 0.45, 0.52, 0.9, 1.02, 1.1, 3.0, 3.01, 3.9]
    chooser = Sampling(fps=2).chooser(Fraction(1, 20))
    assert [time for time in times if chooser.wants(time)] == [0.0, 0.52, 1.02, 3.0, 3.9]


def test_ticks_do_not_depend_on_how_numbers_are_rounded() -> None:
    """Half-way between two frames, by exact arithmetic, a tick takes the later one."""
    for rate in range(2, 61):
        chooser = Sampling(fps=2 * rate / 3).chooser(Fraction(1, rate))
        chosen = [index for index in range(300) if chooser.wants(index / rate)]
        exact = [0]
        for index in range(1, 300):
            if math.ceil(Fraction(2 * index + 1, 3)) - 1 > len(exact) - 1:
                exact.append(index)
        assert chosen == exact


def test_positions_may_be_typed_with_six_digits() -> None:
    times = [index / 3 for index in range(9)]
    chooser = Sampling(start=0.666667, end=1.666667).chooser()
    assert [times.index(time) for time in times if chooser.wants(time)] == [2, 3, 4]
    assert not chooser.is_past(times[4])
    assert chooser.is_past(times[5])


def test_a_thinned_regular_feed_is_regular() -> None:
    chooser = Sampling(fps=5).chooser()
    assert [i for i in range(50) if chooser.wants(i / 25)] == list(range(0, 50, 5))


def test_the_first_frame_at_or_after_each_tick_is_chosen() -> None:
    chooser = Sampling(start=0.3, fps=1).chooser()
    times = [0.0, 0.28, 0.31, 0.5, 1.29, 1.31, 2.5, 2.6, 3.31]
    assert [time for time in times if chooser.wants(time)] == [0.31, 1.31, 2.5, 3.31]


def test_expected_counts_follow_what_is_asked_for() -> None:
    assert Sampling().expected(100, 4.0) == 100
    assert Sampling(start=1, end=3).expected(100, 4.0) == 50
    assert Sampling(fps=5).expected(100, 4.0) == 20
    assert Sampling(fps=50).expected(100, 4.0) == 100
    assert Sampling(start=9).expected(100, 4.0) == 0
