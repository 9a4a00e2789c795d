from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.sampling import Sampling
from streamsel.sources.timeline import CONTINUOUS_STEP, DISCONTINUOUS_STEP, Timeline

TICK = Fraction(1, 90000)


def stamp_all(pts, rate=Fraction(25), longest=DISCONTINUOUS_STEP):
    timeline = Timeline(rate, longest)
    return [timeline.stamp(p, TICK) for p in pts], timeline


def test_it_begins_at_zero_and_follows_pts_exactly():
    times, timeline = stamp_all([133200 + 3003 * i for i in range(1000)])
    assert times == [3003 * i / 90000 for i in range(1000)]
    assert (timeline.jumps, timeline.missing) == (0, 0)


def test_a_counter_that_wraps_is_bridged():
    top = 1 << 33
    times, timeline = stamp_all([top - 7200, top - 3600, 0, 3600])
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])
    assert timeline.jumps == 1


def test_a_long_still_is_kept_where_clocks_do_not_jump():
    times, _ = stamp_all([0, 20 * 90000], longest=CONTINUOUS_STEP)
    assert times == [0, 20]
    times, _ = stamp_all([0, 20 * 90000], longest=DISCONTINUOUS_STEP)
    assert times == [0, 0.04]


def test_gaps_are_filled_at_the_average_rate():
    times, timeline = stamp_all([None, None, None, 7200, 10800])
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert timeline.missing == 3


@pytest.mark.parametrize("rate", [None, Fraction(90000), Fraction(12800, 2147483647), Fraction(0)])
def test_an_implausible_rate_counts_as_25(rate):
    assert Timeline(rate, 5).interval == Fraction(1, 25)


@given(st.lists(st.none() | st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=60))
def test_it_never_steps_back_nor_far(pts):
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
def test_thinning_never_gives_more_than_asked_for(fps, start, length, gaps):
    chooser = Sampling(start, start + length, fps).chooser()
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    chosen = [time for time in times if chooser.wants(time)]
    assert all(start - 1e-5 <= time < start + length for time in chosen)
    ticks = [int((time - start) * fps + 1e-6) for time in chosen]
    assert len(set(ticks)) == len(ticks)


def test_a_thinned_regular_feed_is_regular():
    chooser = Sampling(fps=5).chooser()
    assert [i for i in range(50) if chooser.wants(i / 25)] == list(range(0, 50, 5))


def test_the_first_frame_at_or_after_each_tick_is_chosen():
    chooser = Sampling(start=0.3, fps=1).chooser()
    times = [0.0, 0.28, 0.31, 0.5, 1.29, 1.31, 2.5, 2.6, 3.31]
    assert [time for time in times if chooser.wants(time)] == [0.31, 1.31, 2.5, 3.31]


def test_expected_counts_follow_what_is_asked_for():
    assert Sampling().expected(100, 4.0) == 100
    assert Sampling(start=1, end=3).expected(100, 4.0) == 50
    assert Sampling(fps=5).expected(100, 4.0) == 20
    assert Sampling(fps=50).expected(100, 4.0) == 100
    assert Sampling(start=9).expected(100, 4.0) == 0
