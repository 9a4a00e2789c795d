"""What every selector does, whatever it keeps: verdicts in order, for any batches, none twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decisions import Kept, Verdict
from streamsel.frame import Candidate, FrameKey
from streamsel.interfaces.selectors import LiveSelector, Selector
from streamsel.selection.baselines import RandomSelector, UniformSelector
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.selection.per_feed import PerFeedSelector
from streamsel.selection.two_pass import TwoPassSelector
from tests.contracts.implementations import implementations
from tests.coreset.candidates import candidate

DIM, COUNT, MOST_FRAMES = 4, 6, 90


def online() -> OnlineSelector:
    return OnlineSelector(Budget(count=COUNT), DIM, calibration_frames=20)


def held_back() -> OnlineSelector:
    budget = Budget(count=COUNT)
    return OnlineSelector(budget, DIM, calibration="held-back", calibration_frames=20, look_ahead=8)


SELECTORS: dict[str, Callable[[], Selector]] = {
    "OnlineSelector": online,
    "OnlineSelector, held back": held_back,
    "OnlineSelector, window": lambda: OnlineSelector(Budget(count=COUNT), DIM, window=1.0),
    "PerFeedSelector": lambda: PerFeedSelector(lambda feed: TwoPassSelector(COUNT)),
    "RandomSelector": lambda: RandomSelector(COUNT, seed=3),
    "TwoPassSelector": lambda: TwoPassSelector(COUNT, min_distance=0.1),
    "TwoPassSelector, chunks": lambda: TwoPassSelector(4, chunk=7),
    "UniformSelector": lambda: UniformSelector(COUNT, {"walk": MOST_FRAMES / 25}),
}
ELSEWHERE = {"_Collector": "collects candidates for a comparison, and decides about none"}

EVERY = pytest.mark.parametrize("name", SELECTORS)


def stream(seed: int, frames: int) -> list[Candidate]:
    """Frames of a few scenes and what is between them; every sixth or so was refused."""
    chance = np.random.default_rng(seed)
    scenes = chance.normal(size=(5, DIM))
    rows = scenes[chance.integers(0, 5, frames)] + 0.2 * chance.normal(size=(frames, DIM))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    refused = chance.random(frames) < 0.15
    return [
        candidate(index, None, "blurred") if refused[index] else candidate(index, vector)
        for index, vector in enumerate(vectors)
    ]


def run(selector: Selector, frames: Sequence[Candidate], batch: int) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for begin in range(0, len(frames), batch):
        verdicts += selector.judge(frames[begin : begin + batch])
    return verdicts + selector.finish()


def told(verdict: Verdict) -> tuple[object, ...]:
    """All that a verdict says, with frames by their key."""
    changes = [
        (
            type(event).__name__,
            event.frame.key,
            event.nearest if isinstance(event, Kept) else event.by,
            event.distance,
            event.reason,
        )
        for event in verdict.events
    ]
    said = (verdict.outcome, verdict.reason, verdict.distance, verdict.nearest, verdict.threshold)
    return (verdict.frame.key, *said, *changes)


def replay(verdicts: Sequence[Verdict]) -> tuple[FrameKey, ...]:
    """What the events leave; nothing may enter or leave twice, or enter before it was judged."""
    live: set[FrameKey] = set()
    judged: set[FrameKey] = set()
    for verdict in verdicts:
        judged.add(verdict.frame.key)
        for event in verdict.events:
            key = event.frame.key
            assert key in judged
            if isinstance(event, Kept):
                assert key not in live
                live.add(key)
            else:
                live.remove(key)
    return tuple(sorted(live))


def test_every_selector_is_here() -> None:
    here = {name.partition(",")[0] for name in SELECTORS}
    assert implementations(Selector) == here | ELSEWHERE.keys()
    assert implementations(LiveSelector) <= here


@EVERY
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 9_999),
    frames=st.integers(0, MOST_FRAMES),
    batch=st.integers(1, MOST_FRAMES),
)
def test_verdicts_come_in_order_for_any_batches(
    name: str, seed: int, frames: int, batch: int
) -> None:
    given_frames = stream(seed, frames)
    selector = SELECTORS[name]()
    assert selector.kept == ()
    verdicts = run(selector, given_frames, batch)
    assert [one.frame.key for one in verdicts] == [one.frame.key for one in given_frames]
    whole = run(SELECTORS[name](), given_frames, MOST_FRAMES)
    assert list(map(told, verdicts)) == list(map(told, whole))
    assert selector.finish() == []


@EVERY
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 9_999), frames=st.integers(0, MOST_FRAMES))
def test_what_is_kept_is_what_the_events_say(name: str, seed: int, frames: int) -> None:
    selector = SELECTORS[name]()
    verdicts = run(selector, stream(seed, frames), 32)
    assert selector.kept == replay(verdicts)
    assert len(selector.kept) <= COUNT
    if name != "UniformSelector":  # no tick may have been due among so few frames
        assert selector.kept or not any(one.candidate.embedding is not None for one in verdicts)
    events = [event for verdict in verdicts for event in verdict.events]
    novel = {one.frame.key for one in events if isinstance(one, Kept) and one.reason != "recalled"}
    assert novel == {one.frame.key for one in verdicts if one.outcome == "kept"}
    for verdict in verdicts:
        assert (verdict.outcome == "refused") == (verdict.candidate.embedding is None)
        assert verdict.outcome != "refused" or verdict.reason == "blurred"
        assert (verdict.distance is None) == (verdict.nearest is None)


@EVERY
def test_an_embedding_that_is_none_is_refused_and_changes_nothing(name: str) -> None:
    good = stream(1, 40)
    bad = [[np.nan, 0, 0, 0], [np.inf, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], [0.5, 0, 0, 0]]
    odd = [candidate(100 + n, np.array(row, np.float32)) for n, row in enumerate(bad)]
    selector, clean = SELECTORS[name](), SELECTORS[name]()
    verdicts = run(selector, [*good, *odd], 7)
    assert {(one.outcome, one.reason) for one in verdicts[40:]} == {
        ("refused", "invalid-embedding")
    }
    run(clean, good, 7)
    assert selector.kept == clean.kept
