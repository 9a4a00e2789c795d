"""Weights: selection by the distance times the greater weight of the two, and what holds then."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import (
    LEAST_WEIGHT,
    BurstLimit,
    CenterAdded,
    CenterRemoved,
    Decision,
    Origin,
)
from streamsel.errors import ConfigurationError
from tests.coreset.orders import (
    EXAMPLES,
    farthest_first_radius,
    offer_all,
    order,
    radius,
    replayed,
    streams,
    unit,
)
from tests.coreset.scenes import Scenes, plain_pairs, weight_of, weighted_pairs

capacities = st.integers(1, 10)
floors = st.sampled_from([0.0, 0.1, 0.4])
blocks = st.sampled_from([1, 5, 32])
bursts = st.sampled_from([None, BurstLimit(), BurstLimit(2, 6.0)])
seeds = st.integers(0, 2**32 - 1)
EACH = 0.1
"""The hysteresis."""


def held(coreset: Coreset[int]) -> np.ndarray:
    return np.stack([center.vector for center in coreset.centers()])


@EXAMPLES
@given(streams(), seeds, capacities, floors, bursts, blocks)
def test_what_holds_after_every_block(
    vectors: np.ndarray,
    seed: int,
    capacity: int,
    floor: float,
    burst: BurstLimit | None,
    block: int,
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, burst=burst)
    spacing, seen = 0.0, 0
    for decisions, reweighed in scenes.offer(coreset, block):
        seen += len(decisions)
        centers = coreset.centers()
        assert 1 <= len(centers) <= capacity
        assert coreset.spacing >= spacing or reweighed
        spacing = coreset.spacing
        if len(centers) == capacity > 1:
            assert spacing == min(weighted_pairs(centers))
        assert plain_pairs(centers) > floor
        assert radius(vectors[:seen], held(coreset)) <= coreset.coverage_bound + 1e-12
        assert coreset.lower_bound <= farthest_first_radius(vectors[:seen], capacity) + 1e-12


@EXAMPLES
@given(streams(), seeds, capacities, floors)
def test_a_frame_that_is_covered_is_near_by_its_weight(
    vectors: np.ndarray, seed: int, capacity: int, floor: float
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, burst=BurstLimit())
    for row, (decisions, _) in enumerate(scenes.offer(coreset, 1)):
        (decision,) = decisions
        if len(coreset) < capacity or decision.reason not in ("covered", "near-duplicate"):
            continue
        origin = scenes.origin(row, row)
        weight = origin.weight if origin.fixed else 1.0
        near = float(distances(held(coreset), vectors[row]).min())
        best = farthest_first_radius(vectors[: row + 1], capacity)  # at least OPT
        assert decision.distance is not None
        assert near <= decision.distance <= max(floor, (1 + EACH) * coreset.spacing / weight)
        assert near <= max(floor, 2 * (1 + EACH) * best / weight) + 1e-12


@EXAMPLES
@given(st.integers(3, 9), st.integers(1, 3), seeds, bursts)
def test_the_lower_bound_and_the_bound_of_refusals_hold_for_the_optimum_itself(
    number: int, capacity: int, seed: int, burst: BurstLimit | None
) -> None:
    vectors = order("random", number, 3, seed)
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, 3, burst=burst)
    apart = np.stack([distances(vectors, vector) for vector in vectors])
    for row, (decisions, _) in enumerate(scenes.offer(coreset, 1)):
        best = optimum(apart[: row + 1, : row + 1], capacity)
        assert coreset.lower_bound <= best + 1e-12
        if len(coreset) == capacity and decisions[0].reason == "covered":
            origin = scenes.origin(row, row)
            weight = origin.weight if origin.fixed else 1.0
            near = float(distances(held(coreset), vectors[row]).min())
            assert near <= 2 * (1 + EACH) * best / weight + 1e-12


def optimum(apart: np.ndarray, count: int) -> float:
    """The smallest radius of any ``count`` points in the ball itself: centers anywhere halve it.

    OPT may use any points of the sphere; with centers among the frames the radius is no smaller, so
    that a bound of OPT is one of this.
    """
    sets = combinations(range(len(apart)), min(count, len(apart)))
    return min(float(apart[:, list(some)].min(axis=1).max()) for some in sets)


@EXAMPLES
@given(streams(), seeds, capacities, st.sampled_from([0.05, 0.1, 0.5]), bursts, blocks)
def test_admissions_between_two_reweighings_are_bounded(
    vectors: np.ndarray,
    seed: int,
    capacity: int,
    hysteresis: float,
    burst: BurstLimit | None,
    block: int,
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1], hysteresis=hysteresis, burst=burst)
    begun, before = math.nan, 0
    for _, reweighed in scenes.offer(coreset, block):
        if reweighed or (coreset.spacing and math.isnan(begun)):
            # What was admitted in this block is not told apart any further.
            begun, before = coreset.spacing or math.nan, coreset.admitted
        elif coreset.spacing:
            levels = 2 + math.floor(math.log(coreset.spacing / begun, 1 + hysteresis) + 1e-9)
            assert coreset.admitted - before <= capacity * levels


@EXAMPLES
@given(streams(), seeds, capacities, floors, bursts, blocks)
def test_changes_replay_to_the_set_and_count(
    vectors: np.ndarray,
    seed: int,
    capacity: int,
    floor: float,
    burst: BurstLimit | None,
    block: int,
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, burst=burst)
    decisions = [one for found, _ in scenes.offer(coreset, block) for one in found]
    assert sorted(replayed(decisions, capacity)) == [*coreset.keys]
    changes = [change for decision in decisions for change in decision.changes]
    added = [change for change in changes if isinstance(change, CenterAdded)]
    exchanges = [change for change in changes if change.reason == "exchanged"]
    assert len(added) == coreset.admitted + coreset.exchanged
    assert len(exchanges) == coreset.exchanged
    assert coreset.evicted == sum(isinstance(change, CenterRemoved) for change in changes)
    for change in added:
        if change.nearest is not None:
            exact = float(distances(vectors[[change.key]], vectors[change.nearest])[0])
            assert change.distance == exact >= change.threshold * (1 - 1e-12)
    for decision in decisions:
        check_reason(decision, floor)


def check_reason(decision: Decision[int], floor: float) -> None:
    if decision.outcome != "covered":
        return
    assert decision.distance is not None
    assert decision.threshold is not None
    assert (decision.reason == "near-duplicate") == (decision.distance <= floor)
    within = decision.distance <= decision.threshold * (1 + 1e-12)
    assert within or decision.reason == "burst"


@EXAMPLES
@given(streams(), seeds, capacities, floors, bursts, blocks, st.floats(0.0, 1.0))
def test_a_restored_coreset_continues_alike(
    vectors: np.ndarray,
    seed: int,
    capacity: int,
    floor: float,
    burst: BurstLimit | None,
    block: int,
    part: float,
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    cut = int(part * len(vectors)) // block * block
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, burst=burst)
    list(scenes.offer(coreset, block, range(cut)))
    snapshot = coreset.snapshot()
    rest = range(cut, len(vectors))
    expected = list(scenes.offer(coreset, block, rest))
    read = Snapshot.from_bytes(snapshot.to_bytes(), int)
    for restored in (Coreset.restore(snapshot), Coreset.restore(read)):
        assert list(scenes.offer(restored, block, rest)) == expected
        assert restored.snapshot().to_bytes() == coreset.snapshot().to_bytes()
        assert restored.exchanged == coreset.exchanged


@EXAMPLES
@given(streams(), seeds, capacities, bursts, st.floats(0.0, 1.0))
def test_a_resumed_coreset_knows_weights_and_times(
    vectors: np.ndarray, seed: int, capacity: int, burst: BurstLimit | None, part: float
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1], burst=burst)
    list(scenes.offer(coreset, 1, range(int(part * len(vectors)))))
    members = coreset.snapshot()
    resumed = Coreset.resume(members.settings, coreset.progress(), coreset.centers())
    for one, other in zip(resumed.centers(), coreset.centers(), strict=True):
        assert (one.key, one.origin, one.time) == (other.key, other.origin, other.time)
        assert (one.distance, one.reach) == (other.distance, other.reach)
    assert resumed.spacing == coreset.spacing


@EXAMPLES
@given(streams(), capacities, floors, blocks)
def test_a_weight_of_one_changes_nothing(
    vectors: np.ndarray, capacity: int, floor: float, block: int
) -> None:
    plain = Coreset[int](capacity, vectors.shape[1], floor=floor)
    weighed = Coreset[int](capacity, vectors.shape[1], floor=floor)
    half = len(vectors) // 2 // block * block
    expected = offer_all(plain, vectors, block)
    found = offer_all(weighed, vectors[:half], block, origins=[Origin(3)] * half)
    weighed.reweigh(3)
    rest = [Origin(3, fixed=True)] * (len(vectors) - half)
    found += offer_all(weighed, vectors[half:], block, first=half, origins=rest)
    assert found == expected
    assert weighed.spacing == plain.spacing


@EXAMPLES
@given(streams(), seeds, capacities, floors, blocks)
def test_decisions_depend_neither_on_feed_numbers_nor_on_rounding(
    vectors: np.ndarray, seed: int, capacity: int, floor: float, block: int
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    other = replace(
        scenes,
        origins=[replace(one, feed=7 - 5 * one.feed) for one in scenes.origins],
        fixed_at={7 - 5 * feed: at for feed, at in scenes.fixed_at.items()},
    )
    decided = []
    for some in (scenes, other):
        coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, burst=BurstLimit())
        decided.append([found for found, _ in some.offer(coreset, block)])
    assert decided[0] == decided[1]


@EXAMPLES
@given(streams(most=60), seeds, st.integers(2, 10), st.sampled_from([0.1, 0.4, 1.0]))
def test_a_floor_that_rises_leaves_no_near_duplicates_however_light(
    vectors: np.ndarray, seed: int, capacity: int, floor: float
) -> None:
    scenes = Scenes.drawn(vectors, seed)
    coreset = Coreset[int](capacity, vectors.shape[1])
    list(scenes.offer(coreset, 4))
    before = coreset.keys
    changes = coreset.set_floor(floor)
    assert plain_pairs(coreset.centers()) > floor
    assert {change.key for change in changes} == set(before) - set(coreset.keys)
    assert {change.reason for change in changes} <= {"near-duplicate"}
    for change in changes:
        assert isinstance(change, CenterRemoved)
        assert change.distance is not None
        assert change.distance <= floor


def arc(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def test_what_nothing_happens_in_gives_way_to_what_is_nearer_to_others() -> None:
    vectors = arc(0, 20, 180, 90)
    coreset = Coreset[str](3, 2)
    light = Origin(weight=0.3, fixed=True)
    for name, vector in zip("abc", vectors, strict=False):
        coreset.offer(name, vector, origin=light if name == "a" else None)
    # Alike but for the weight of the first: it goes, though the second is nearer to the newcomer.
    change = coreset.offer("d", vectors[3]).changes[1]
    assert isinstance(change, CenterRemoved)
    assert (change.key, change.by) == ("a", "b")


def test_a_light_frame_must_be_farther_away_to_be_kept() -> None:
    vectors = arc(0, 60, 180, 270)
    kept = []
    for weight in (1.0, 0.3):
        coreset = Coreset[int](3, 2)
        known = Origin(weight=0.3, fixed=True)
        offer_all(coreset, vectors[:3], 1, origins=[known] * 3)
        decision = coreset.offer(3, arc(235)[0], origin=Origin(weight=weight, fixed=True))
        kept.append(decision.outcome)
    assert kept == ["kept", "covered"]


def test_centers_get_their_weights_when_their_feed_counts_as_fixed() -> None:
    coreset = Coreset[int](3, 2)
    vectors = arc(0, 60, 180)
    origins = [Origin(0, 0.3), Origin(0, 0.5), Origin(1, 0.3)]
    offer_all(coreset, vectors, 1, origins=origins)
    assert coreset.spacing == min(weighted_pairs(coreset.centers())) == plain_pairs(
        coreset.centers()
    )  # fmt: skip
    before = coreset.spacing
    coreset.reweigh(0)
    assert [weight_of(center) for center in coreset.centers()] == [0.3, 0.5, 1.0]
    assert coreset.spacing == pytest.approx(0.5 * before)
    coreset.reweigh(0)
    assert coreset.spacing == pytest.approx(0.5 * before)


def test_weights_have_bounds_and_each_frame_has_one() -> None:
    for weight in (LEAST_WEIGHT - 0.01, 1.01, math.nan):
        with pytest.raises(ConfigurationError, match="weight is"):
            Origin(weight=weight)
    coreset = Coreset[str](3, 2)
    with pytest.raises(ConfigurationError, match="1 origins came for 2 keys"):
        coreset.offer_block("ab", np.eye(2), origins=[Origin()])
    assert len(coreset) == 0
