"""What it costs not to look at every frame: the measure, against plain arithmetic."""

from __future__ import annotations

import json
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.evaluation.comparison import compare
from streamsel.evaluation.decode_cost import DecodeCosts, Spent, cover
from streamsel.frame import Candidate, Vectors
from tests.coreset.candidates import candidate
from tests.coreset.orders import EXAMPLES, order, streams

UNLIMITED = 2.1


def frames(vectors: Vectors) -> list[Candidate]:
    return [candidate(index, vector) for index, vector in enumerate(vectors)]


@st.composite
def selections(draw: st.DrawFn) -> tuple[Vectors, list[int]]:
    vectors = draw(streams(60))
    some = st.lists(st.integers(0, len(vectors) - 1), min_size=1, max_size=8, unique=True)
    return vectors, draw(some)


@EXAMPLES
@given(selections(), st.floats(0.0, UNLIMITED))
def test_a_cover_is_what_it_says(drawn: tuple[Vectors, list[int]], within: float) -> None:
    vectors, chosen = drawn
    found = cover(vectors, vectors[chosen], within)
    exact = vectors.astype(np.float64)
    apart = np.linalg.norm(exact[:, None] - exact[chosen], axis=2).min(axis=1)  # (N,)
    assert found.count == len(chosen)
    assert found.radius == pytest.approx(apart.max(), abs=1e-6)
    assert found.radius_p99 == pytest.approx(np.percentile(apart, 99), abs=1e-6)
    assert (apart > within + 1e-6).mean() <= found.missed <= (apart > within - 1e-6).mean()
    assert (found.missed > 0) == (found.radius > within)
    if within > 0:
        assert found.radius_ratio == pytest.approx(found.radius / within)


@EXAMPLES
@given(selections(), st.floats(0.0, UNLIMITED), st.randoms(use_true_random=False))
def test_more_frames_never_cover_less_and_order_does_not_matter(
    drawn: tuple[Vectors, list[int]], within: float, chance: Random
) -> None:
    vectors, chosen = drawn
    fewer = cover(vectors, vectors[chosen[:1]], within)
    more = cover(vectors, vectors[chosen], within)
    assert more.radius <= fewer.radius
    assert more.missed <= fewer.missed
    assert more.radius_ratio <= fewer.radius_ratio
    shuffled = list(range(len(vectors)))
    chance.shuffle(shuffled)
    again = cover(vectors[shuffled], vectors[chosen], within)
    assert (again.radius, again.missed) == (more.radius, more.missed)


@EXAMPLES
@given(selections())
def test_compared_with_itself_a_cover_misses_nothing(drawn: tuple[Vectors, list[int]]) -> None:
    vectors, chosen = drawn
    found = cover(vectors, vectors[chosen])
    assert (found.radius_ratio, found.missed) == (1.0, 0.0)


def test_nothing_kept_misses_everything() -> None:
    found = cover(np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32), 0.5)
    assert (found.count, found.radius, found.missed) == (0, math.inf, 1.0)
    assert json.loads(json.dumps(found.as_json()))["radius_ratio"] is None


def test_a_way_that_skips_is_measured_on_what_it_skipped() -> None:
    vectors = order("drift", 400, 12, 3)
    vectors[200:205] = order("random", 5, 12, 4)
    everything = frames(vectors)
    costs = DecodeCosts(everything, 30)
    full = costs.row("all", everything, Spent(8.0, 12.0))
    some = costs.row("keyframes", everything[::20], Spent(2.0, 3.0))
    assert (full.share, full.speed) == (1.0, 1.0)
    assert (full.online.radius_ratio, full.two_pass.radius_ratio) == (1.0, 1.0)
    assert (some.frames, some.share, some.speed) == (20, 0.05, 4.0)
    assert some.two_pass.count == 20
    assert some.two_pass.radius > full.two_pass.radius
    assert 0 < some.two_pass.missed < 1
    methods = {row.method: row for row in compare(everything, 30)}
    for method, found in (("online", full.online), ("two-pass", full.two_pass)):
        row = methods[method]
        assert (found.min, found.radius, found.radius_p99) == (row.min, row.radius, row.radius_p99)


def test_what_is_decoded_again_is_measured_as_decoded_in_full() -> None:
    vectors = order("random", 60, 12, 1)
    blurred = order("growing", 60, 12, 2)
    everything = frames(vectors)
    costs = DecodeCosts(everything, 60, near_duplicate=0.0)
    costs.row("all", everything, Spent(1.0, 1.0))
    plain = costs.row("fast", frames(blurred), Spent(1.0, 1.0))
    restored = costs.row("fast", frames(blurred), Spent(1.0, 1.0), restored=True)
    assert restored.two_pass.radius == 0
    assert plain.two_pass.radius > 0


def test_nothing_came_out_of_a_way() -> None:
    everything = frames(order("random", 20, 4, 1))
    costs = DecodeCosts(everything, 5)
    costs.row("all", everything, Spent(1.0, 1.0))
    none = costs.row("keyframes", [], Spent(0.0, 0.0)).as_json()
    text = json.loads(json.dumps(none, allow_nan=False))
    assert (text["frames"], text["speed"], text["online"]["missed"]) == (0, None, 1.0)
