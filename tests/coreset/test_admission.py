"""Changes of a coreset that no frame causes: pins, another capacity or floor, thinning, removal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.values import CenterAdded, CenterRemoved, Change
from streamsel.errors import ConfigurationError
from tests.coreset.orders import (
    farthest_first_radius,
    offer_all,
    order,
    radius,
    replayed,
    streams,
    unit,
)

SOME = settings(deadline=None, max_examples=40)
capacities = st.integers(1, 10)


def held(coreset: Coreset[int]) -> np.ndarray:
    return np.stack([center.vector for center in coreset.centers()])


def least_gap(coreset: Coreset[int]) -> float:
    """Distance of the closest pair of which one is not pinned, from its definition."""
    centers = coreset.centers()
    gaps = [
        float(distances(one.vector[None], other.vector)[0])
        for place, one in enumerate(centers)
        for other in centers[:place]
        if not (one.pinned and other.pinned)
    ]
    return min(gaps, default=math.inf)


class Story:
    """What a coreset was told and said, and who stands for whom by it."""

    def __init__(self) -> None:
        self.live: set[int] = set()
        self.owner: dict[int, int | None] = {}

    def changed(self, changes: tuple[Change[int], ...] | list[Change[int]]) -> None:
        for change in changes:
            if isinstance(change, CenterAdded):
                assert change.key not in self.live
                self.live.add(change.key)
                self.owner[change.key] = change.key
                continue
            self.live.remove(change.key)
            assert change.by is None or change.by in self.live
            for key, owner in self.owner.items():
                if owner == change.key:
                    self.owner[key] = change.by

    def check(self, coreset: Coreset[int], vectors: np.ndarray) -> None:
        assert sorted(self.live) == [*coreset.keys]
        centers = {center.key: center for center in coreset.centers()}
        for key, owner in self.owner.items():
            if owner is not None:
                away = float(distances(vectors[[key]], vectors[owner])[0])
                assert away <= centers[owner].reach + 1e-9
                assert away <= coreset.coverage_bound + 1e-9


@SOME
@given(
    streams(most=120),
    capacities,
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([None, 10.0]),
    st.sampled_from([1, 6]),
    st.integers(0, 2**32 - 1),
)
def test_whatever_happens_what_is_promised_holds(
    vectors: np.ndarray,
    capacity: int,
    floor: float,
    window: float | None,
    block: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, window=window)
    story = Story()
    pins: set[int] = set()
    for start in range(0, len(vectors), block):
        part = vectors[start : start + block]
        keys = [*range(start, start + len(part))]
        for decision in coreset.offer_block(keys, part, times=[float(key) for key in keys]):
            story.changed(decision.changes)
            if decision.outcome == "covered":
                story.owner[decision.key] = decision.nearest
        assert pins <= story.live
        choice = int(random.integers(0, 9))
        if choice == 0:
            story.changed(coreset.resize(int(random.integers(1, 12))))
        elif choice == 1:
            story.changed(coreset.evict_redundant("over-budget"))
        elif choice == 2 and story.live:
            gone = {int(random.choice(sorted(story.live))), -5}
            changes = coreset.remove(gone, "lost")
            assert [(c.key, c.by) for c in changes if isinstance(c, CenterRemoved)] == [
                (max(gone), None)
            ]
            story.changed(changes)
            pins -= gone
        elif choice in (3, 4) and story.live:
            key = int(random.choice(sorted(story.live)))
            assert coreset.pin(key)
            pins.add(key)
        elif choice == 5 and pins:
            key = pins.pop()
            assert coreset.unpin(key)
        elif choice == 6:
            story.changed(coreset.set_floor(floor := float(random.choice([0.0, 0.1, 0.4]))))
        elif choice == 7:
            coreset.ease(0.5)
        assert pins <= story.live
        assert sorted(coreset.pinned) == sorted(pins)
        assert len(coreset) <= max(coreset.capacity, len(pins) + (choice == 5))
        if window is None:
            story.check(coreset, vectors)
        assert coreset.coverage_bound >= 0.0
        if choice != 5:  # what an unpinning leaves goes at the next offer
            assert least_gap(coreset) > floor


@SOME
@given(streams(), st.integers(2, 10), st.integers(1, 10), st.integers(0, 2**32 - 1))
def test_pinned_centers_stay_under_any_pressure(
    vectors: np.ndarray, capacity: int, number: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    coreset = Coreset[int](capacity, vectors.shape[1], window=30.0)
    half = len(vectors) // 2
    times = [float(position) for position in range(len(vectors))]
    offer_all(coreset, vectors[:half], 4, times=times[:half])
    keys = [*coreset.keys]
    chosen = sorted(random.choice(keys, min(number, len(keys)), replace=False)) if keys else []
    assert all(coreset.pin(int(key)) for key in chosen)
    decisions = offer_all(coreset, vectors[half:], 4, first=half, times=times[half:])
    while any(
        isinstance(change, CenterRemoved) for change in coreset.evict_redundant("over-budget")
    ):
        pass
    coreset.resize(1)
    assert [*coreset.pinned] == [*coreset.keys] == chosen
    if len(chosen) == capacity:
        assert not any(decision.changes for decision in decisions)
        for decision in decisions:
            assert decision.distance is not None
            assert decision.threshold is not None
            assert (decision.reason == "full") == (decision.distance > decision.threshold)


def test_a_full_set_of_pinned_ones_refuses_newcomers_and_says_so() -> None:
    angles = np.radians([0, 30, 180])
    east, near, west = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[str](2, 2)
    coreset.offer_block(["east", "near"], np.stack([east, near]))
    assert coreset.pin("east")
    assert coreset.pin("near")
    assert coreset.redundancy is None
    decision = coreset.offer("west", west)
    assert (decision.outcome, decision.reason, decision.nearest) == ("covered", "full", "near")
    assert decision.changes == ()
    assert coreset.coverage_bound == decision.distance == pytest.approx(2 * math.sin(1.309), 1e-3)
    assert coreset.evict_redundant("over-budget") == []
    assert coreset.unpin("near")
    assert not coreset.unpin("west")
    change = coreset.offer("west again", west).changes
    assert [one.key for one in change] == ["west again", "near"]


def test_of_the_closest_pair_the_one_that_is_not_pinned_goes() -> None:
    angles = np.radians([0, 10, 30, 120])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](4, 2)
    offer_all(coreset, vectors, 1)
    coreset.pin(1)  # else it would be the one to go
    assert [change.key for change in coreset.evict_redundant("over-budget")] == [0]
    coreset.pin(2)
    # 1 and 2 are the closest, but both are pinned.
    assert [change.key for change in coreset.evict_redundant("over-budget")] == [3]
    assert coreset.redundancy is None


def test_a_pinned_center_does_not_expire() -> None:
    scene = np.eye(3, dtype=np.float32)
    coreset = Coreset[int](3, 3, window=5.0)
    offer_all(coreset, scene[:2], 1, times=[0.0, 0.0])
    coreset.pin(0)
    coreset.offer(2, scene[2], time=100.0)
    assert list(coreset.keys) == [0, 2]
    coreset.unpin(0)
    coreset.offer(3, scene[2], time=101.0)
    assert list(coreset.keys) == [2]


@SOME
@given(streams(), st.integers(2, 12), st.integers(1, 12))
def test_a_smaller_capacity_evicts_by_closest_pair_and_all_promises_hold(
    vectors: np.ndarray, capacity: int, smaller: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1])
    history = offer_all(coreset, vectors[: len(vectors) // 2], 1)
    before, spacing = coreset.keys, coreset.spacing
    changes = coreset.resize(smaller)
    assert coreset.capacity == smaller
    assert len(changes) == max(0, len(before) - smaller)
    assert {(type(change), change.reason) for change in changes} <= {(CenterRemoved, "resized")}
    if smaller <= capacity:
        assert coreset.spacing >= spacing
    rest = offer_all(coreset, vectors[len(vectors) // 2 :], 1, first=len(vectors) // 2)
    assert len(coreset) <= smaller
    live = replayed(history, capacity)
    live -= {change.key for change in changes}
    for change in (change for decision in rest for change in decision.changes):
        live.add(change.key) if isinstance(change, CenterAdded) else live.remove(change.key)
    assert sorted(live) == [*coreset.keys]
    assert radius(vectors, held(coreset)) <= coreset.coverage_bound + 1e-9
    assert coreset.lower_bound <= farthest_first_radius(vectors, smaller) + 1e-9
    if len(coreset) == smaller > 1 and smaller <= capacity:
        assert coreset.spacing <= least_gap(coreset) + 1e-12


@SOME
@given(streams(), st.integers(1, 6), st.integers(1, 9))
def test_a_greater_capacity_fills_and_its_spacing_never_falls_from_there(
    vectors: np.ndarray, capacity: int, more: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1])
    half = len(vectors) // 2
    offer_all(coreset, vectors[:half], 1)
    full, spacing = len(coreset) == capacity, coreset.spacing
    assert coreset.resize(capacity + more) == []
    assert coreset.spacing == pytest.approx(spacing * capacity / (capacity + more))
    assert coreset.lower_bound == 0.0
    if full:
        assert coreset.threshold == coreset.spacing
    least = coreset.spacing
    for number, vector in enumerate(vectors[half:], half):
        coreset.offer(number, vector)
        assert coreset.spacing >= least
        if len(coreset) == capacity + more:
            least = coreset.spacing
            assert least == least_gap(coreset)
    assert radius(vectors, held(coreset)) <= coreset.coverage_bound + 1e-9
    assert coreset.lower_bound <= farthest_first_radius(vectors, capacity + more) + 1e-9


def test_a_greater_capacity_is_used() -> None:
    vectors = order("random", 1200, 3, seed=1)
    coreset = Coreset[int](20, 3)
    offer_all(coreset, vectors[:600], 1)
    coreset.resize(40)
    offer_all(coreset, vectors[600:], 1)
    assert len(coreset) == 40


@SOME
@given(streams(), st.integers(1, 12))
def test_thinning_takes_the_closest_pair_and_ends_with_nothing(
    vectors: np.ndarray, capacity: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1])
    offer_all(coreset, vectors, 8)
    while len(coreset):
        least = coreset.redundancy
        assert least == least_gap(coreset)
        (change,) = coreset.evict_redundant("over-budget")
        assert isinstance(change, CenterRemoved)
        assert change.reason == "over-budget"
        assert change.distance == (None if least == math.inf else least)
    assert coreset.redundancy is None
    assert coreset.evict_redundant("over-budget") == []


def test_what_was_thinned_out_does_not_come_back() -> None:
    vectors = order("random", 1000, 6, seed=3)
    coreset = Coreset[int](40, 6)
    offer_all(coreset, vectors[:500], 1)
    while len(coreset) > 20:
        coreset.evict_redundant("over-budget")
    admitted = coreset.admitted
    for number, vector in enumerate(np.tile(vectors[:500], (3, 1))):
        coreset.offer(1000 + number, vector)
        while len(coreset) > 20:  # the bytes allow no more
            coreset.evict_redundant("over-budget")
    assert coreset.admitted - admitted <= 20
    assert least_gap(coreset) >= coreset.spacing > 0.0


def test_a_removed_scene_is_taken_in_again() -> None:
    vectors = order("random", 400, 8, seed=4)
    coreset = Coreset[int](12, 8)
    offer_all(coreset, vectors, 1)
    spacing, lost = coreset.spacing, coreset.keys[3]
    assert coreset.remove([lost, 10**6], "lost") == [CenterRemoved(lost, None, None, "lost")]
    assert coreset.offer(1000, vectors[lost]).outcome == "kept"
    assert len(coreset) == 12
    assert coreset.spacing >= spacing


def test_a_free_place_is_for_a_frame_that_is_as_far_away_as_the_others_are() -> None:
    angles = np.radians([0, 30, 90, 180, 20, 61])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](4, 2)
    offer_all(coreset, vectors[:4], 1)
    spacing = coreset.spacing
    coreset.remove([2], "lost")
    assert coreset.threshold == spacing
    assert coreset.offer(4, vectors[4]).outcome == "covered"
    assert coreset.offer(5, vectors[5]).outcome == "kept"
    assert coreset.spacing == least_gap(coreset) == spacing


def test_a_key_that_comes_again_is_another_frame() -> None:
    coreset = Coreset[str](3, 3)
    coreset.offer_block("aab", np.eye(3, dtype=np.float32))
    assert coreset.keys == ("a", "a", "b")
    assert coreset.pin("a")
    assert coreset.pinned == ("a", "a")
    assert [change.key for change in coreset.remove("a", "lost")] == ["a", "a"]


def test_a_floor_that_rises_leaves_no_near_duplicates() -> None:
    angles = np.radians([0, 3, 10, 90, 93, 180])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](6, 2)
    offer_all(coreset, vectors, 1)
    coreset.pin(3)
    coreset.pin(4)
    changes = coreset.set_floor(0.2)
    assert {change.reason for change in changes if isinstance(change, CenterRemoved)} == {
        "near-duplicate"
    }
    assert len(coreset) == 4
    assert {3, 4} <= {*coreset.keys}
    assert coreset.offer(6, vectors[1]).reason == "near-duplicate"
    assert coreset.set_floor(0.0) == []
    assert coreset.threshold < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_changes_do_not_depend_on_the_batch(seed: int) -> None:
    vectors = order("growing", 200, 6, seed)
    outcomes = []
    for batch in (1, 7, 50):
        coreset = Coreset[int](10, 6)
        log: list[object] = []
        for start in range(0, 200, 50):
            part = vectors[start : start + 50]
            for row in range(0, 50, batch):
                for number, vector in enumerate(part[row : row + batch], start + row):
                    log.append(coreset.offer(number, vector))
            coreset.pin(coreset.keys[0])
            log.append(coreset.evict_redundant("over-budget"))
            log.append(coreset.resize(8 + start // 50))
        outcomes.append((log, coreset.keys, coreset.pinned))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_bounds_of_a_change_are_checked() -> None:
    coreset = Coreset[int](3, 4)
    with pytest.raises(ConfigurationError, match="capacity is 0"):
        coreset.resize(0)
    with pytest.raises(ConfigurationError, match="floor is 3"):
        coreset.set_floor(3.0)
    assert (coreset.capacity, coreset.floor) == (3, 0.0)


def test_a_near_duplicate_that_only_a_pin_held_goes_at_the_next_offer() -> None:
    angles = np.radians([0, 3, 90])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](6, 2)
    offer_all(coreset, vectors, 1)
    assert coreset.pin(0)
    assert coreset.pin(1)
    assert coreset.set_floor(0.2) == []
    assert coreset.offer(3, vectors[2]).changes == ()
    assert coreset.unpin(0)
    (change,) = coreset.offer(4, vectors[2]).changes
    assert isinstance(change, CenterRemoved)
    assert (change.key, change.by, change.reason) == (0, 1, "near-duplicate")


def test_of_a_pair_exactly_as_far_apart_as_the_floor_one_goes() -> None:
    vectors = order("random", 5, 6, seed=8)
    coreset = Coreset[int](5, 6)
    offer_all(coreset, vectors, 1)
    least = coreset.redundancy
    assert least is not None
    assert coreset.set_floor(math.nextafter(least, 0.0)) == []
    (change,) = coreset.set_floor(least)
    assert isinstance(change, CenterRemoved)
    assert (change.reason, change.distance) == ("near-duplicate", least)


def test_the_lower_bound_knows_of_pinned_pairs_that_are_closer() -> None:
    angles = np.radians([0, 10, 60, 180])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    coreset = Coreset[int](3, 2)
    offer_all(coreset, vectors[:3], 1)
    assert coreset.pin(0)
    assert coreset.pin(1)
    assert coreset.offer(3, vectors[3]).outcome == "kept"
    pair = float(distances(vectors[:1], vectors[1])[0])
    assert coreset.lower_bound == pair / 2
    assert coreset.lower_bound <= farthest_first_radius(vectors, 3)


@SOME
@given(streams(), capacities, st.sampled_from([0.05, 0.1, 0.5]), st.integers(0, 2**32 - 1))
def test_admissions_are_bounded_with_places_that_are_freed(
    vectors: np.ndarray, capacity: int, hysteresis: float, seed: int
) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], hysteresis=hysteresis)
    random = np.random.default_rng(seed)
    full, freed = math.nan, 0
    for number, vector in enumerate(np.concatenate([vectors] * 2)):
        coreset.offer(number, vector)
        if coreset.spacing and math.isnan(full):
            full = coreset.spacing
        if coreset.spacing:
            levels = 2 + math.floor(math.log(coreset.spacing / full, 1 + hysteresis) + 1e-9)
            assert coreset.admitted <= capacity * levels + 2 * freed
        choice = int(random.integers(0, 12))
        if choice == 0:
            some = coreset.keys[: int(random.integers(0, len(coreset) + 1))]
            freed += len(coreset.remove(some, "lost"))
        elif choice == 1:
            freed += len(coreset.set_floor(float(random.choice([0.0, 0.1, 0.3]))))
        elif choice == 2:
            evicted = coreset.evict_redundant("over-budget")
            freed += sum(isinstance(one, CenterRemoved) and one.by is None for one in evicted)
        elif choice == 3 and coreset.capacity > 1:
            coreset.resize(coreset.capacity - 1)


def test_a_place_that_is_freed_again_and_again_is_filled_again_and_again() -> None:
    vectors = order("random", 12, 8, seed=4)
    coreset = Coreset[int](12, 8)
    offer_all(coreset, vectors, 1)
    full = coreset.spacing
    alone = max(coreset.centers(), key=lambda center: center.distance or 0.0)
    for number in range(12, 48):
        coreset.remove({alone.key, number - 1}, "lost")
        assert coreset.offer(number, alone.vector).outcome == "kept"
    assert coreset.spacing == full
    assert coreset.admitted == 48  # a set that nobody touches stops at twice its capacity
