from __future__ import annotations

import gc
import math
import subprocess
import sys
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsel.coreset.centers import CenterTable
from streamsel.coreset.coreset import WARM_SHARE, Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.values import CenterAdded, CenterRemoved, Decision
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

capacities = st.integers(1, 12)
floors = st.sampled_from([0.0, 0.05, 0.3, 1.0])
hystereses = st.sampled_from([0.0, 0.1, 0.5])
blocks = st.sampled_from([1, 5, 32])


def held(coreset: Coreset[int]) -> np.ndarray:
    return np.stack([center.vector for center in coreset.centers()])


@EXAMPLES
@given(streams(), capacities, floors, hystereses, blocks)
def test_what_holds_after_every_block(
    vectors: np.ndarray, capacity: int, floor: float, hysteresis: float, block: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, hysteresis=hysteresis)
    spacing = 0.0
    for start in range(0, len(vectors), block):
        offer_all(coreset, vectors[start : start + block], block, first=start)
        centers = held(coreset)
        assert 1 <= len(coreset) == len(centers) <= capacity
        assert coreset.spacing >= spacing
        spacing = coreset.spacing
        for row, center in enumerate(coreset.centers()):
            others = np.delete(distances(centers, center.vector), row)
            assert others.min(initial=math.inf) > floor
            if len(others):
                assert center.distance == others.min()
                assert center.nearest is not None
                pair = distances(vectors[[center.nearest]], center.vector)
                assert pair[0] == center.distance
            else:
                assert (center.distance, center.nearest) == (None, None)
        if len(coreset) == capacity > 1:
            assert spacing == min(center.distance or 0.0 for center in coreset.centers())
        seen = vectors[: start + block]
        assert radius(seen, centers) <= coreset.coverage_bound + 1e-12
        assert coreset.lower_bound <= farthest_first_radius(seen, capacity) + 1e-12


@EXAMPLES
@given(streams(), capacities, floors, hystereses)
def test_a_frame_just_offered_is_near(
    vectors: np.ndarray, capacity: int, floor: float, hysteresis: float
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, hysteresis=hysteresis)
    for number, vector in enumerate(vectors):
        decision = coreset.offer(number, vector)
        if len(coreset) < capacity:
            continue
        near = float(distances(held(coreset), vector).min())
        assert near <= max(floor, (2 + hysteresis) * coreset.spacing) + 1e-12
        if decision.outcome == "covered":
            assert decision.distance == near <= max(floor, (1 + hysteresis) * coreset.spacing)
            best = farthest_first_radius(vectors[: number + 1], capacity)  # at least OPT
            assert near <= max(floor, 2 * (1 + hysteresis) * best) + 1e-12


@EXAMPLES
@given(streams(), capacities, floors, st.sampled_from([0.05, 0.1, 0.5]), blocks)
def test_admissions_are_bounded_however_long_the_stream(
    vectors: np.ndarray, capacity: int, floor: float, hysteresis: float, block: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, hysteresis=hysteresis)
    full = math.nan
    for start in range(0, len(vectors), block):
        offer_all(coreset, vectors[start : start + block], block)
        if coreset.spacing and math.isnan(full):
            # What was admitted in the block that filled the set is not told apart any further.
            full, before = coreset.spacing, coreset.admitted
            continue
        if coreset.spacing:
            levels = 2 + math.floor(math.log(coreset.spacing / full, 1 + hysteresis) + 1e-9)
            assert coreset.admitted - before + capacity <= capacity * levels


@EXAMPLES
@given(streams(), capacities, floors, blocks, st.integers(0, 2**32 - 1))
def test_changes_replay_to_the_set_and_decisions_say_what_they_measured(
    vectors: np.ndarray, capacity: int, floor: float, block: int, seed: int
) -> None:
    qualities = np.random.default_rng(seed).integers(0, 3, len(vectors)).astype(float).tolist()
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor)
    decisions = offer_all(coreset, vectors, block, qualities=qualities)
    assert [decision.key for decision in decisions] == [*range(len(vectors))]
    assert sorted(replayed(decisions, capacity)) == [*coreset.keys]
    changes = [change for decision in decisions for change in decision.changes]
    assert coreset.admitted == sum(isinstance(change, CenterAdded) for change in changes)
    assert coreset.evicted == sum(isinstance(change, CenterRemoved) for change in changes)
    novel = [change.key for change in changes if isinstance(change, CenterAdded)
             and change.reason == "novel"]  # fmt: skip
    assert sorted(novel) == [d.key for d in decisions if d.outcome == "kept"]
    for decision in decisions:
        check_measures(decision, vectors, floor)


def check_measures(decision: Decision[int], vectors: np.ndarray, floor: float) -> None:
    assert decision.threshold is not None
    if decision.nearest is None:
        assert (decision.outcome, decision.distance) == ("kept", None)
        return
    exact = float(distances(vectors[[decision.key]], vectors[decision.nearest])[0])
    assert decision.distance == exact
    expected = {"novel"} if exact > decision.threshold else {"covered", "near-duplicate"}
    assert decision.reason in expected
    assert (decision.reason == "near-duplicate") == (
        decision.outcome == "covered" and exact <= floor
    )


@EXAMPLES
@given(streams(), capacities, floors, blocks, st.integers(0, 2**32 - 1))
def test_decisions_do_not_depend_on_the_rounding_of_products(
    vectors: np.ndarray, capacity: int, floor: float, block: int, seed: int
) -> None:
    expected = offer_all(
        Coreset[int](capacity, vectors.shape[1], floor=floor), vectors, block
    )  # fmt: skip
    random = np.random.default_rng(seed)
    exact = CenterTable.products

    def rounded(table: CenterTable[int], rows: np.ndarray) -> np.ndarray:
        products = exact(table, rows)
        return products + random.uniform(-2e-6, 2e-6, products.shape).astype(np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CenterTable, "products", rounded)
        coreset = Coreset[int](capacity, vectors.shape[1], floor=floor)
        assert offer_all(coreset, vectors, block) == expected


@EXAMPLES
@given(streams(), capacities, floors)
@example(order("equidistant", 60, 8, 0), 5, 0.0)
def test_offering_the_coreset_again_changes_nothing(
    vectors: np.ndarray, capacity: int, floor: float
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor)
    offer_all(coreset, vectors, 32)
    before = (coreset.keys, coreset.spacing, coreset.coverage_bound, coreset.lower_bound)
    for decision in offer_all(coreset, held(coreset), 7):
        assert (decision.outcome, decision.distance, decision.changes) == ("covered", 0.0, ())
    assert before == (
        coreset.keys, coreset.spacing, coreset.coverage_bound, coreset.lower_bound,
    )  # fmt: skip


@EXAMPLES
@given(streams(), capacities, st.integers(0, 2**32 - 1))
def test_invalid_vectors_change_nothing(vectors: np.ndarray, capacity: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    clean, spoiled = (Coreset[int](capacity, vectors.shape[1]) for _ in range(2))
    bad = 0
    for number, vector in enumerate(vectors):
        expected = clean.offer(number, vector)
        junk = np.stack([vector] * 3)
        junk[0] = random.choice([np.nan, np.inf, 0.0, 0.3])
        junk[2] = 1.01 * vector
        first, decision, last = spoiled.offer_block([-1, number, -2], junk)
        bad += 2
        assert decision == expected
        for rejected in (first, last):
            assert (rejected.outcome, rejected.reason) == ("refused", "invalid")
            assert (rejected.distance, rejected.nearest, rejected.changes) == (None, None, ())
    assert (spoiled.refused, clean.refused) == (bad, 0)
    assert spoiled.keys == clean.keys
    assert spoiled.coverage_bound == clean.coverage_bound


def test_nothing_but_invalid_frames_leave_it_empty() -> None:
    coreset = Coreset[int](3, 2)
    assert offer_all(coreset, np.zeros((4, 2), np.float32), 4)[3].reason == "invalid"
    assert (len(coreset), coreset.keys, coreset.centers()) == (0, (), ())
    assert (coreset.coverage_bound, coreset.lower_bound, coreset.spacing) == (0.0, 0.0, 0.0)
    assert coreset.offer_block([], []) == []


@pytest.mark.parametrize("block", [1, 32])
def test_a_longer_stream_of_the_same_hardly_admits_more(block: int) -> None:
    vectors = order("random", 1500, 8, seed=5)
    coreset = Coreset[int](30, 8)
    offer_all(coreset, vectors[:1000], block)
    admitted = coreset.admitted
    offer_all(coreset, np.tile(vectors[:1000], (9, 1)), block)
    assert coreset.admitted <= 1.1 * admitted


@pytest.mark.parametrize("seed", range(3))
def test_it_is_nearly_as_good_as_farthest_first_on_the_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(2000, 6)) @ random.normal(size=(6, 32)))
    coreset = Coreset[int](40, 32)
    offer_all(coreset, vectors, 32)
    assert radius(vectors, held(coreset)) <= 1.35 * farthest_first_radius(vectors, 40)


def near_each_other(angle: float) -> np.ndarray:
    return unit(np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)], [-1.0, 0.0]]))


def test_of_near_duplicates_in_a_block_the_sharpest_is_admitted() -> None:
    vectors = near_each_other(0.04)
    coreset = Coreset[str](5, 2, floor=0.1)
    blurred, sharp, other = coreset.offer_block("abc", vectors, qualities=[0.2, 0.9, 0.9])
    assert (blurred.outcome, blurred.reason, blurred.nearest) == (
        "covered", "near-duplicate", "b",
    )  # fmt: skip
    assert (sharp.outcome, other.outcome) == ("kept", "kept")
    assert coreset.keys == ("b", "c")


@pytest.mark.parametrize("qualities", [None, [0.5, 0.5, 0.5], [0.9, 0.2, 0.1]])
def test_without_a_sharper_one_the_first_is_admitted(qualities: list[float] | None) -> None:
    coreset = Coreset[str](5, 2, floor=0.1)
    coreset.offer_block("abc", near_each_other(0.04), qualities=qualities)
    assert coreset.keys == ("a", "c")


def test_a_sharper_frame_that_is_no_near_duplicate_is_not_preferred() -> None:
    coreset = Coreset[str](5, 2, floor=0.1)
    decisions = coreset.offer_block("abc", near_each_other(0.2), qualities=[0.2, 0.9, 0.1])
    assert [change.key for d in decisions for change in d.changes] == ["a", "c", "b"]


def test_a_sharper_frame_that_a_center_covers_takes_no_place() -> None:
    coreset = Coreset[str](5, 2, floor=0.1)
    coreset.offer("center", unit(np.array([1.0, 0.0])[None])[0])
    pair = unit(np.array([[math.cos(a), math.sin(a)] for a in (0.15, 0.08)]))
    far, covered = coreset.offer_block("xy", pair, qualities=[0.1, 0.9])
    assert (far.outcome, covered.outcome) == ("kept", "covered")


def test_changes_hang_on_the_frame_that_was_admitted_last_in_the_stream() -> None:
    angles = np.radians([0, 5, 11, 60, 180])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](3, 2)
    offer_all(coreset, vectors[:3], 1)
    near, far = coreset.offer_block([3, 4], vectors[3:])
    # The far one comes first and sends 1 away; the near one, earlier in the stream, sends 2.
    assert (near.outcome, far.outcome, near.changes) == ("kept", "kept", ())
    assert [change.key for change in far.changes] == [4, 1, 3, 2]
    assert far.changes[1] == CenterRemoved(1, 0, float(distances(vectors[:1], vectors[1])[0]),
                                     "closest-pair")  # fmt: skip


def test_a_witness_is_recalled_when_its_center_goes() -> None:
    recalled = [
        change
        for seed in range(6)
        for decision in offer_all(Coreset[int](12, 6), order("growing", 160, 6, seed), 1)
        for change in decision.changes
        if isinstance(change, CenterAdded) and change.reason == "recalled"
    ]
    assert recalled
    assert all(change.distance > change.threshold for change in recalled if change.distance)


class Key:
    """A name that can be watched, as large as a picture is."""


@pytest.mark.parametrize("block", [1, 16])
def test_keys_are_let_go_of_at_once(block: int) -> None:
    vectors = order("growing", 400, 8, seed=6)
    coreset = Coreset[Key](10, 8)
    alive: weakref.WeakSet[Key] = weakref.WeakSet()
    gc.disable()
    try:
        for start in range(0, len(vectors), block):
            keys = [Key() for _ in vectors[start : start + block]]
            alive.update(keys)
            coreset.offer_block(keys, vectors[start : start + block])
            del keys
            # A center and a witness for each, and nothing waits for the garbage collector.
            assert len(alive) <= 2 * len(coreset)
    finally:
        gc.enable()
    assert coreset.evicted > 10
    assert set(coreset.keys) <= set(alive)


def test_keys_are_never_compared() -> None:
    class Opaque:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("a key was looked into")

    coreset = Coreset[Opaque](4, 5)
    vectors = order("random", 60, 5, seed=7)
    for start in range(0, 60, 6):
        coreset.offer_block([Opaque() for _ in range(6)], vectors[start : start + 6])
    assert len(coreset) == 4


def test_offered_vectors_may_be_written_over_and_centers_may_not() -> None:
    coreset = Coreset[str](4, 3)
    vector = np.array([1.0, 0.0, 0.0], np.float32)
    coreset.offer("first", vector)
    vector[:] = 0.0
    center = coreset.centers()[0]
    assert center.vector.tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        center.vector[0] = 0.0


def test_a_warm_start_admits_less_and_covers_as_well() -> None:
    vectors = order("growing", 1200, 6, seed=8)
    cold = Coreset[int](20, 6)
    offer_all(cold, vectors, 32)
    warm = Coreset[int](20, 6, warm_spacing=cold.spacing)
    assert warm.threshold == WARM_SHARE * cold.spacing
    offer_all(warm, vectors, 32)
    assert len(warm) == 20
    assert warm.admitted < 0.75 * cold.admitted
    assert radius(vectors, held(warm)) <= 1.2 * radius(vectors, held(cold))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 0}, "capacity is 0"),
        ({"capacity": 2.5}, "capacity is 2.5"),
        ({"dim": 0}, "dim is 0"),
        ({"floor": -0.1}, "floor is -0.1"),
        ({"floor": 2.1}, "floor is 2.1"),
        ({"floor": math.nan}, "floor is nan"),
        ({"hysteresis": -1.0}, "hysteresis is -1.0"),
        ({"hysteresis": math.inf}, "hysteresis is inf"),
        ({"window": 0.0}, "window is 0.0"),
        ({"window": math.nan}, "window is nan"),
        ({"warm_spacing": -1.0}, "warm_spacing is -1.0"),
        ({"safety": 0.0}, "safety is 0.0"),
    ],
)
def test_values_out_of_bounds_are_refused(change: dict[str, float], message: str) -> None:
    made: Callable[..., Coreset[int]] = Coreset
    with pytest.raises(ConfigurationError, match=message):
        made(**{"capacity": 3, "dim": 4, **change})


def test_wrong_shapes_are_refused_and_change_nothing() -> None:
    coreset = Coreset[str](3, 4, window=10.0)
    good = np.eye(4, dtype=np.float32)
    with pytest.raises(ConfigurationError, match=r"must be \(1, 4\)"):
        coreset.offer("a", good[0][:3], time=0.0)
    with pytest.raises(ConfigurationError, match=r"must be \(2, 4\)"):
        coreset.offer_block("ab", good, times=[0.0, 0.0])
    with pytest.raises(ConfigurationError, match="must come with its time"):
        coreset.offer("a", good[0])
    with pytest.raises(ConfigurationError, match="times must be 1 finite numbers"):
        coreset.offer("a", good[0], time=math.nan)
    with pytest.raises(ConfigurationError, match="times must be 2 finite numbers"):
        coreset.offer_block("ab", good[:2], times=[0.0])
    with pytest.raises(ConfigurationError, match="qualities must be 1 finite numbers"):
        coreset.offer("a", good[0], time=0.0, quality=math.inf)
    assert (len(coreset), coreset.refused) == (0, 0)


def test_the_mathematics_needs_numpy_alone() -> None:
    program = """
import sys
import numpy as np
from streamsel.coreset import Coreset
from streamsel.selection.online import OnlineSelector
coreset = Coreset[str](2, 3)
for name, vector in zip("abc", np.eye(3, dtype=np.float32)):
    coreset.offer(name, vector)
assert len(coreset) == 2
heavy = {"torch", "av", "PIL", "asyncio", "sqlite3", "click"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
