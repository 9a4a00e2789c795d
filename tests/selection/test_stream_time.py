from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.selection.stream_time import LAG, StreamClock

steps = st.tuples(
    st.sampled_from(["gate", "yard", "roof"]),
    st.sampled_from([0.0, 0.04, 1.0, 90.0, 1e6, -5.0, -1e6]),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(steps, max_size=60))
def test_time_never_goes_back_and_no_feed_is_left_behind(steps: list[tuple[str, float]]) -> None:
    clock = StreamClock()
    media = {"gate": 100.0, "yard": 0.0, "roof": 5.0}
    last: dict[str, float] = {}
    for feed, step in steps:
        media[feed] += step
        before = clock.now
        time = clock.at(feed, media[feed])
        assert clock.now == max(before, time)
        assert time >= before - LAG
        assert time >= last.get(feed, time) - LAG
        if step >= 0.0 and feed in last and last[feed] + step > before - LAG:
            assert abs(time - last[feed] - step) < 1e-6
        last[feed] = time
        clock = StreamClock(clock.now, clock.feeds)


def test_a_single_feed_keeps_its_own_time_while_it_goes_on() -> None:
    clock = StreamClock()
    assert [clock.at("gate", t) for t in (7.0, 8.0, 3600.0, 90000.0)] == [7.0, 8.0, 3600.0, 90000.0]


def test_a_feed_that_joins_begins_where_the_others_are() -> None:
    clock = StreamClock()
    clock.at("gate", 500.0)
    assert [clock.at("yard", t) for t in (0.0, 3.0)] == [500.0, 503.0]
    assert clock.at("gate", 501.0) == 501.0


def test_a_feed_that_starts_over_goes_on() -> None:
    clock = StreamClock()
    clock.at("gate", 500.0)
    assert [clock.at("gate", t) for t in (0.0, 2.0)] == [500.0, 502.0]


def test_a_slow_camera_clock_is_brought_up_to_the_others() -> None:
    clock = StreamClock()
    for second in range(100_000):
        clock.at("gate", float(second))
        slow = clock.at("yard", 0.999 * second)
        assert slow >= second - LAG - 1.0


def test_what_was_is_told_by_the_same_offsets() -> None:
    clock = StreamClock()
    clock.at("gate", 500.0)
    clock.at("yard", 10.0)
    assert (clock.was("gate", 400.0), clock.was("yard", 4.0)) == (400.0, 494.0)
    assert clock.was("roof", 3.0) == 3.0
