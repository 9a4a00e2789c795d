"""Diversity as it runs: what is measured, of how many, and how often."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from streamsel.evaluation.diversity import Pairwise, pairwise
from streamsel.frame import Vectors
from streamsel.metrics.observer import Metrics
from streamsel.metrics.spread import EXACT_UP_TO, SHARE_OF_THE_TIME, SpreadMeter
from streamsel.testing import ManualClock
from tests.metrics.scenario import FixedSelector, fresh_metrics, unit_vectors, value


class SlowPairwise:
    """Takes its time, by a clock that only it moves."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.seen: list[int] = []

    def __call__(self, vectors: Vectors) -> Pairwise:
        self.seen.append(len(vectors))
        self._clock.advance(self._seconds)
        return pairwise(vectors)


def statistics(metrics: Metrics, scope: str = "gate") -> list[float | None]:
    names = ("mean", "min", "max", "p10", "p90")
    return [value(metrics, "pairwise_distance", scope=scope, stat=name) for name in names]


def figures(found: Pairwise) -> list[float]:
    return [found.mean, found.min, found.max, found.p10, found.p90]


@pytest.mark.parametrize("count", [2, 100, EXACT_UP_TO])
def test_a_coreset_of_usual_size_is_measured_exactly(count: int) -> None:
    metrics, vectors = fresh_metrics(), unit_vectors(count)
    metrics.measured("gate", FixedSelector(vectors))
    assert statistics(metrics) == figures(pairwise(vectors))


def test_of_a_large_one_a_sample_is_always_the_same_and_close() -> None:
    vectors = unit_vectors(5000, dim=256)
    found = []
    for _ in range(2):
        metrics = fresh_metrics()
        metrics.measured("gate", FixedSelector(vectors))
        found.append(statistics(metrics))
    assert found[0] == found[1]
    exact = pairwise(vectors)
    assert found[0] == pytest.approx(figures(exact), rel=0.05)
    _, least, most, *_ = found[0]
    assert least is not None
    assert least >= exact.min
    assert most is not None
    assert most <= exact.max


def test_a_sample_takes_five_hundred_and_twelve_different_ones() -> None:
    clock = ManualClock()
    slow = SlowPairwise(clock, 0.01)
    SpreadMeter(slow, clock).measure("gate", unit_vectors(EXACT_UP_TO + 1))
    assert slow.seen == [EXACT_UP_TO]


def test_sizes_are_always_new_diversity_every_five_seconds() -> None:
    clock = ManualClock()
    metrics = fresh_metrics(clock)
    metrics.measured("gate", FixedSelector(unit_vectors(10, seed=1)))
    first = statistics(metrics)
    clock.advance(4.9)
    metrics.measured("gate", FixedSelector(unit_vectors(12, seed=2)))
    assert value(metrics, "coreset_size", scope="gate") == 12
    assert statistics(metrics) == first
    clock.advance(0.2)
    metrics.measured("gate", FixedSelector(unit_vectors(12, seed=2)))
    assert statistics(metrics) == figures(pairwise(unit_vectors(12, seed=2)))


def test_many_scopes_take_turns_within_a_share_of_the_time_and_never_all_at_once() -> None:
    clock = ManualClock()
    slow = SlowPairwise(clock, 0.013)
    meter = SpreadMeter(slow, clock)
    scopes = [f"feed-{number}" for number in range(100)]

    def watch(seconds: int) -> Counter[str]:
        times = Counter(dict.fromkeys(scopes, 0))
        for _ in range(seconds):
            clock.advance(1.0)
            for scope in scopes:
                if meter.is_due(scope):
                    meter.measure(scope, unit_vectors(3))
                    times[scope] += 1
        return times

    began = clock.monotonic()
    assert min(watch(150).values()) >= 1
    assert 0.013 * len(slow.seen) <= 2 * SHARE_OF_THE_TIME * (clock.monotonic() - began)
    most_at_once = max(sum(watch(1).values()) for _ in range(70))
    assert most_at_once <= 6
    began = clock.monotonic()
    times = watch(700)
    assert 0.013 * sum(times.values()) <= 1.1 * SHARE_OF_THE_TIME * (clock.monotonic() - began)
    assert max(times.values()) - min(times.values()) <= 1


def test_less_than_two_frames_have_no_diversity() -> None:
    metrics = fresh_metrics()
    metrics.measured("gate", FixedSelector(unit_vectors(5)))
    metrics.measured("gate", FixedSelector(unit_vectors(1)))
    assert statistics(metrics) == [None] * 5
    metrics.measured("yard", FixedSelector(np.empty((0, 16), np.float32)))
    assert value(metrics, "coreset_size", scope="yard") == 0


def test_a_scope_that_returns_is_measured_at_once() -> None:
    metrics = fresh_metrics()
    metrics.measured("gate", FixedSelector(unit_vectors(5)))
    metrics.feed_removed("gate")
    metrics.measured("gate", FixedSelector(unit_vectors(6)))
    assert statistics(metrics) == figures(pairwise(unit_vectors(6)))
