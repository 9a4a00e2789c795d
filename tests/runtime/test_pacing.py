"""What comes in bursts waits for room as long as it is early, and no longer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decisions import Rhythm
from streamsel.runtime.pacing import Pacer

RATE = 25
LANE = 4


def watched(
    segment: float, seconds: float, judged_in: float, delays: list[float], oversleeps: float = 0.0
) -> list[float]:
    """Play segments that come whole into a lane of four; what a judge needs ``judged_in`` s for.

    Each is published when it is over, and comes after its delay. Whoever sleeps is woken too late.
    Returns for each frame the seconds from when it came until it was judged, infinite where it
    gave way.
    """
    pacer = Pacer(Rhythm(speed=4.0))
    lane: list[int] = []
    came: list[float] = []  # the segment of each frame
    passed: list[float] = []
    latencies: list[float] = []
    free_at = now = 0.0

    def judge(until: float) -> None:
        nonlocal free_at
        while lane and max(free_at, passed[lane[0]]) <= until:
            taken = lane.pop(0)
            free_at = max(free_at, passed[taken]) + judged_in
            latencies[taken] = free_at - came[taken]

    for number in range(int(seconds / segment)):
        arrived = number * segment + delays[number % len(delays)]
        waited, now = max(0.0, arrived - now), max(now, arrived)
        for frame in range(round(segment * RATE)):
            came.append(arrived)
            latencies.append(math.inf)
            earliest, latest = pacer.turn(number * segment + frame / RATE, now, waited)
            waited = 0.0
            if earliest > now:
                now = earliest + oversleeps
            judge(now)
            if len(lane) == LANE and latest > now:
                now = min(latest, max(now, free_at)) + oversleeps
                judge(now)
            passed.append(now)
            lane.append(len(came) - 1)
            if len(lane) > LANE:
                lane.pop(0)
    judge(math.inf)
    return latencies


@pytest.mark.parametrize("judged_in", [0.002, 0.03])
def test_ten_minutes_of_long_segments_lose_nothing_and_are_judged_in_time(judged_in: float) -> None:
    latencies = watched(8.0, 600.0, judged_in, [0.0, 0.7, 0.2])
    assert len(latencies) == 600 * RATE
    assert max(latencies) <= 8.0 + 2.0


def test_a_judge_that_cannot_keep_up_loses_the_oldest_and_never_lags_by_more_than_a_burst() -> None:
    latencies = watched(8.0, 600.0, 0.1, [0.0], oversleeps=0.05)
    judged = [each for each in latencies if each < math.inf]
    assert 0.3 * len(latencies) < len(judged) < 0.5 * len(latencies)
    assert max(judged) <= 8.0 + 2.0
    assert latencies[-1] < math.inf


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=80),
    st.sampled_from([1.0, 4.0, math.inf]),
)
def test_turns_are_in_order_and_a_frame_that_is_late_waits_for_nothing(
    steps: list[tuple[float, float]], speed: float
) -> None:
    pacer = Pacer(Rhythm(speed=speed))
    media_time = now = last = 0.0
    for later, further in steps:
        now, media_time = now + later, media_time + further
        earliest, latest = pacer.turn(media_time, now, waited=later)
        assert last <= earliest <= latest + 1e-9
        assert now <= earliest <= max(now, last + further / speed) + 1e-9
        last = earliest


def test_a_file_keeps_its_pace_whatever_held_it_up() -> None:
    pacer = Pacer(Rhythm(speed=2.0, is_finite=True))
    assert pacer.turn(0.0, 100.0, 0.0) == (100.0, math.inf)
    assert pacer.turn(4.0, 100.0, 0.0) == (102.0, math.inf)
    assert pacer.turn(6.0, 109.0, 0.0) == (103.0, math.inf)
    assert pacer.turn(20.0, 109.0, 0.0) == (110.0, math.inf)


def test_a_clock_that_stands_still_or_goes_back_holds_nothing_up() -> None:
    pacer = Pacer(Rhythm(speed=4.0))
    for now, media_time in ((0.0, 5.0), (1.0, 5.0), (2.0, 1.0), (3.0, 1.0)):
        assert pacer.turn(media_time, now, 1.0) == (now, now)
