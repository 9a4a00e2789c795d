"""Feeds of fixed cameras: frames weigh by what changes in front of them, and are spread in time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.coreset.values import BurstLimit
from streamsel.decisions import Verdict
from streamsel.frame import Candidate, SceneChange
from streamsel.interfaces.selectors import Selector
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.selection.origins import Origins
from streamsel.selection.state import WITHOUT_WEIGHTS
from streamsel.selection.two_pass import TwoPassSelector
from tests.coreset.candidates import candidate
from tests.coreset.live_story import LiveStory
from tests.coreset.orders import order, streams, unit
from tests.selection.test_two_pass import run

SOME = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
limits = st.sampled_from([None, BurstLimit(), BurstLimit(2, 0.5)])
BUDGETS = {
    "count": Budget(count=6),
    "each period": Budget(count=4, period=1.0),
    "share": Budget(share=0.2, period=1.0),
}


def watched(vectors: np.ndarray, seed: int, first: int = 0) -> list[Candidate]:
    """Two feeds; each comes to count as fixed at some time, or never. Some frames are refused."""
    random = np.random.default_rng(seed)
    number = len(vectors)
    feeds = np.where(random.random(number) < 0.3, "yard", "gate")
    fixed = {feed: int(random.integers(0, 2 * number + 1)) for feed in ("yard", "gate")}
    shares = np.where(random.random(number) < 0.5, 0.0, random.uniform(0, 0.02, number))
    return [
        candidate(
            index,
            None if random.random() < 0.1 else vector,
            feed=str(feed),
            change=SceneChange(float(share), index >= first + fixed[str(feed)]),
        )
        for index, (vector, feed, share) in enumerate(
            zip(vectors, feeds, shares, strict=True), first
        )
    ]


def selector_of(
    dim: int, burst: BurstLimit | None, budget: str = "count", look_ahead: int = 1
) -> OnlineSelector:
    return OnlineSelector(
        BUDGETS[budget], dim, floor=0.05, burst=burst, look_ahead=look_ahead, calibration_frames=20
    )


def told(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    return [
        (one.frame.key, one.outcome, one.reason, one.distance, one.nearest, one.threshold,
         [(event.frame.key, event.reason) for event in one.events])
        for one in verdicts
    ]  # fmt: skip


@SOME
@given(streams(most=120), seeds, limits, st.sampled_from([*BUDGETS]), st.sampled_from([1, 8]))
def test_verdicts_do_not_depend_on_how_candidates_are_handed_over(
    vectors: np.ndarray, seed: int, burst: BurstLimit | None, budget: str, look_ahead: int
) -> None:
    candidates = watched(vectors, seed)
    runs = []
    for batch in (1, 7, len(candidates)):
        selector = selector_of(vectors.shape[1], burst, budget, look_ahead)
        runs.append(told(run(selector, candidates, batch)))
    assert runs[0] == runs[1] == runs[2]


@SOME
@given(streams(most=120), seeds, limits, st.sampled_from([*BUDGETS]))
def test_what_is_said_can_be_true_and_goes_on_after_any_exit(
    vectors: np.ndarray, seed: int, burst: BurstLimit | None, budget: str
) -> None:
    """The state is stored with each change of the kept frames, and where the selector asks."""
    random = np.random.default_rng(seed)
    selector, story = selector_of(vectors.shape[1], burst, budget), LiveStory()
    state = selector.state()
    for one in watched(vectors, seed):
        verdicts = story.judge(selector, [one])
        if verdicts[0].events or selector.is_state_due:
            state = selector.state()
            assert not selector.is_state_due
        story.check(selector)
        if random.random() < 0.1:
            selector = selector_of(vectors.shape[1], burst, budget)
            selector.restore(state, [story.live[key] for key in sorted(story.live)])
            story.check(selector)
            state = selector.state()


@SOME
@given(streams(most=120), seeds, limits)
def test_a_restored_selector_has_the_same_weights_and_spacing(
    vectors: np.ndarray, seed: int, burst: BurstLimit | None
) -> None:
    selector, story = selector_of(vectors.shape[1], burst), LiveStory()
    story.judge(selector, watched(vectors, seed))
    restored = selector_of(vectors.shape[1], burst)
    restored.restore(selector.state(), [story.live[key] for key in sorted(story.live)])
    assert restored.spacing == selector.spacing
    assert restored.redundancy == selector.redundancy


@SOME
@given(streams(most=150), seeds, st.integers(1, 12))
def test_a_frame_refused_for_its_burst_is_near_a_kept_one_in_time(
    vectors: np.ndarray, seed: int, count: int
) -> None:
    selector = OnlineSelector(Budget(count=count), vectors.shape[1], burst=BurstLimit(), floor=0.0)
    story, refused = LiveStory(), 0
    for one in watched(vectors, seed):
        before = [
            other.frame.media_time
            for other in story.live.values()
            if other.frame.key.feed == one.frame.key.feed
        ]
        (verdict,) = story.judge(selector, [one])
        if verdict.reason == "burst":
            refused += 1
            gap = (max(before) - min(before)) / len(before)
            assert min(abs(one.frame.media_time - time) for time in before) < gap / 4
            assert len(story.live) == count


@pytest.mark.parametrize("burst", [BurstLimit(), BurstLimit(1, 1e5)])
@pytest.mark.parametrize(
    "budget", [Budget(count=20), Budget(count=5, period=4.0), Budget(share=0.1, period=4.0)]
)
def test_the_limit_makes_no_budget_unreachable(burst: BurstLimit, budget: Budget) -> None:
    vectors = order("random", 800, 8, seed=6)
    fixed = SceneChange(0.02, fixed=True)
    kept = []
    for limit in (None, burst):
        selector = OnlineSelector(budget, 8, floor=0.0, burst=limit)
        selector.judge([candidate(at, vector, change=fixed) for at, vector in enumerate(vectors)])
        kept.append(len(selector.kept))
    assert kept[0] == kept[1] > 0


def test_a_window_frees_places_that_are_filled_again() -> None:
    vectors = order("random", 800, 8, seed=7)
    fixed = SceneChange(0.02, fixed=True)
    selector = OnlineSelector(Budget(count=20), 8, floor=0.0, burst=BurstLimit(), window=4.0)
    selector.judge([candidate(at, vector, change=fixed) for at, vector in enumerate(vectors)])
    assert selector.size == 20


def walk(number: int, people: Sequence[int], seed: int = 0) -> list[Candidate]:
    """A camera whose light wanders, and before which people pass for a second each."""
    random = np.random.default_rng(seed)
    light = np.cumsum(random.normal(size=(number, 4)), axis=0)
    light *= 1.5 / np.abs(light).max()
    vectors = np.concatenate([np.ones((number, 1)), light, np.zeros((number, len(people)))], axis=1)
    shares = np.zeros(number)
    for person, begun in enumerate(people):
        for step in range(25):
            vectors[begun + step, 5 + person] = 0.3 * np.sin(np.pi * (step + 1) / 26)
            shares[begun + step] = 0.02
    return [
        candidate(at, vector, change=SceneChange(float(share), fixed=at >= 500))
        for at, (vector, share) in enumerate(zip(unit(vectors), shares, strict=True))
    ]


PEOPLE = (900, 1500, 2300, 3100, 3700)


def seen(kept: Sequence[int]) -> int:
    return sum(any(begun <= index < begun + 25 for index in kept) for begun in PEOPLE)


def test_people_before_a_wandering_light_are_kept_by_weight() -> None:
    found = {}
    for weighs in (True, False):
        candidates = walk(4500, PEOPLE)
        if not weighs:
            candidates = [
                replace(one, prefiltered=replace(one.prefiltered, change=None))
                for one in candidates
            ]
        selectors: dict[str, Selector] = {
            "online": OnlineSelector(Budget(count=12), 10, floor=0.01, burst=BurstLimit()),
            "two-pass": TwoPassSelector(12, burst=BurstLimit()),
        }
        for name, selector in selectors.items():
            run(selector, candidates, 64)
            assert len(selector.kept) == 12
            found[name, weighs] = seen([key.index for key in selector.kept])
    assert found["online", True] == found["two-pass", True] == len(PEOPLE)
    assert max(found["online", False], found["two-pass", False]) <= 2


def test_two_passes_spread_frames_in_time_but_keep_their_number() -> None:
    vectors = order("random", 400, 8, seed=8)
    fixed = SceneChange(0.02, fixed=True)
    candidates = [candidate(at, vector, change=fixed) for at, vector in enumerate(vectors)]
    for limit, least in ((BurstLimit(), 15.96 / 80), (BurstLimit(1, 0.5), 0.5), (None, 0.0)):
        selector = TwoPassSelector(20, burst=limit)
        run(selector, candidates)
        assert len(selector.kept) == 20
        times = np.array([key.index / 25 for key in selector.kept])
        assert np.diff(times).min() >= least
    selector = TwoPassSelector(60, burst=BurstLimit(1, 0.5))  # room for 33 at most
    run(selector, candidates)
    assert len(selector.kept) == 60


def test_two_passes_in_chunks_weigh_too() -> None:
    candidates = walk(4500, PEOPLE)
    selector = TwoPassSelector(12, burst=BurstLimit(), chunk=1500)
    run(selector, candidates, 100)
    assert len(selector.kept) == 12
    assert seen([key.index for key in selector.kept]) == len(PEOPLE)


def test_a_feed_counts_as_fixed_from_its_first_frame_in_a_block_on() -> None:
    origins = Origins()
    vector = np.array([1.0, 0.0], np.float32)
    loose, fixed = SceneChange(0.0, fixed=False), SceneChange(0.005, fixed=True)
    block = [
        candidate(0, None, feed="gate", change=fixed),  # not embedded, so it is not asked
        candidate(1, vector, feed="gate", change=loose),
        candidate(2, vector, feed="gate", change=fixed),
        candidate(0, vector, feed="yard", change=None),
    ]
    assert origins.newly_fixed(block) == []
    assert not origins.of(block[2]).fixed
    assert origins.newly_fixed(block[2:]) == [0]
    assert origins.newly_fixed(block[2:]) == []
    assert origins.of(block[2]).fixed
    assert origins.of(block[2]).weight == fixed.weight < 1.0
    assert not origins.of(block[3]).fixed
    assert origins.fixed == ["gate"]
    unmeasured = candidate(3, vector, feed="gate", change=None)
    assert (origins.of(unmeasured).weight, origins.of(unmeasured).fixed) == (1.0, False)


def test_a_state_from_before_there_were_weights_is_read() -> None:
    vectors = order("random", 100, 8, seed=9)
    selector, story = selector_of(8, None), LiveStory()
    story.judge(selector, [candidate(at, vector) for at, vector in enumerate(vectors)])
    state = json.loads(zlib.decompress(selector.state()))
    del state["fixed"], state["progress"]["exchanged"]
    old = zlib.compress(json.dumps({**state, "format": WITHOUT_WEIGHTS}).encode())
    restored = selector_of(8, None)
    restored.restore(old, [story.live[key] for key in sorted(story.live)])
    assert (restored.kept, restored.spacing) == (selector.kept, selector.spacing)
