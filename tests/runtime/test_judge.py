"""The judge of a service: routing, states, what is evicted for bytes, what observers hear."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from streamsel.decisions import Event, Kept
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.frame import FrameKey
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.judge import Judge
from streamsel.testing import ManualClock
from tests.runtime.live_stages import NewestSelector, Watcher, live_frame, prefiltered
from tests.runtime.stages import AngleEmbedder


class Unthreaded(Watcher):
    """A watcher of a judge that is called from the test itself."""

    def measured(self, scope: str, selector: LiveSelector) -> None:
        self.measured_scopes[scope] += 1


class Bench:
    """A judge with two scopes, of which one is a group, and its clock."""

    def __init__(self) -> None:
        self.clock, self.watcher = ManualClock(), Unthreaded()
        self.judge = Judge(ComputedEmbeddings(AngleEmbedder()), [self.watcher], self.clock)
        self.gate, self.site = NewestSelector(every=2, capacity=3), NewestSelector(2, 3)
        self.judge.open_scope("gate", self.gate)
        self.judge.open_scope("site", self.site)
        self.judge.assign("gate", "gate")
        self.judge.assign("yard", "site")
        self.judge.assign("door", "site")


def test_each_scope_judges_its_own_feeds_in_their_order() -> None:
    bench = Bench()
    taken = [("yard", 0), ("gate", 0), ("door", 0), ("yard", 1), ("gate", 1), ("nobody", 0)]
    updates = bench.judge.judge([prefiltered(feed, index) for feed, index in taken])
    keys = {one.scope: [str(v.frame.key) for v in one.verdicts] for one in updates}
    assert keys == {
        "site": ["yard-000000", "door-000000", "yard-000001"],
        "gate": ["gate-000000", "gate-000001"],
    }
    assert bench.watcher.batches == [6]
    assert all(v.candidate.prefiltered.thumbnail is None for j in updates for v in j.verdicts)


def test_refused_frames_are_judged_without_being_embedded() -> None:
    bench = Bench()
    (update,) = bench.judge.judge([prefiltered("gate", 0, refused=True)])
    assert [verdict.outcome for verdict in update.verdicts] == ["refused"]
    assert bench.watcher.batches == []


def test_what_a_selector_warns_of_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    class Doubtful(NewestSelector):
        @property
        def warnings(self) -> Mapping[str, str]:
            return {"gate": "nothing can be told"}

    judge = Judge(ComputedEmbeddings(AngleEmbedder()), [], ManualClock())
    judge.open_scope("gate", Doubtful(every=2, capacity=3))
    judge.assign("gate", "gate")
    for index in range(3):
        judge.judge([prefiltered("gate", index)])
    assert [one.message for one in caplog.records] == ["feed 'gate': nothing can be told"]


def test_the_state_goes_with_every_change_and_else_once_a_minute() -> None:
    bench = Bench()

    def state_after(index: int, seconds: float) -> bytes | None:
        bench.clock.advance(seconds)
        (update,) = bench.judge.judge([prefiltered("gate", index)])
        return update.state

    assert state_after(0, 0.0) == b'["gate-000000"]'
    assert state_after(1, 30.0) is None
    assert state_after(3, 29.0) is None
    assert state_after(5, 1.5) == b'["gate-000000"]'
    assert state_after(6, 1.0) == b'["gate-000000", "gate-000006"]'
    assert state_after(7, 59.0) is None


def test_the_state_goes_too_where_the_selector_asks_for_it() -> None:
    bench = Bench()
    bench.judge.judge([prefiltered("gate", 0)])
    bench.gate.is_state_due = True
    (update,) = bench.judge.judge([prefiltered("gate", 1)])
    assert (update.events, update.state) == ((), b'["gate-000000"]')


def test_a_change_carries_the_state_even_where_nothing_was_evicted() -> None:
    bench = Bench()
    bench.judge.judge([prefiltered("gate", 0)])
    (update,) = bench.judge.change("gate", lambda selector: [])
    assert (update.events, update.state) == ((), b'["gate-000000"]')


def test_bytes_are_saved_where_most_is_redundant() -> None:
    bench = Bench()
    bench.judge.judge([prefiltered("gate", index) for index in (0, 2)])
    bench.judge.judge([prefiltered("yard", index) for index in (0, 2, 4)])
    updates = bench.judge.thin(2)
    # The site's three are closer together than the gate's two; after one, both are alike.
    gone = sorted(str(event.frame.key) for one in updates for event in one.changes)
    assert gone == ["gate-000000", "yard-000000"]
    assert {event.reason for one in updates for event in one.changes} == {"over-budget"}
    assert all(one.state is not None for one in updates)
    assert sum(len(one.changes) for one in bench.judge.thin(100)) == 3
    assert bench.judge.thin(1) == []


def test_nothing_is_evicted_for_bytes_where_all_is_pinned() -> None:
    class Pinned(NewestSelector):
        redundancy = 0.5

        def evict_redundant(self, reason: str) -> list[Event]:
            return []

    judge = Judge(ComputedEmbeddings(AngleEmbedder()), [], ManualClock())
    judge.open_scope("gate", Pinned())
    assert judge.thin(5) == []


def test_lost_frames_are_forgotten_in_whatever_scope_they_are() -> None:
    bench = Bench()
    bench.judge.judge([prefiltered("gate", 0), prefiltered("yard", 0), prefiltered("door", 2)])
    bench.judge.assign("yard", None)
    lost = [FrameKey("yard", 0), FrameKey("gate", 0), FrameKey("gate", 99)]
    updates = bench.judge.forget(lost)
    assert {one.scope: len(one.changes) for one in updates} == {"gate": 1, "site": 1}
    assert [str(key) for key in (*bench.gate.kept, *bench.site.kept)] == ["door-000002"]
    assert bench.judge.forget(lost) == []


def test_at_the_end_every_scope_tells_its_state() -> None:
    bench = Bench()
    bench.judge.judge([prefiltered("gate", 0)])
    states = {one.scope: json.loads(one.state or b"null") for one in bench.judge.finish()}
    assert states == {"gate": ["gate-000000"], "site": []}
    assert bench.judge.finish() == []
    assert bench.judge.judge([prefiltered("gate", 1)]) == []


def test_what_has_judged_is_measured_once_a_second() -> None:
    bench = Bench()
    measured = bench.watcher.measured_scopes
    at_first = measured["site"]
    for _ in range(30):
        bench.clock.advance(0.1)
        bench.judge.judge([prefiltered("gate", 1)])
    assert 2 <= measured["gate"] - at_first <= 4
    assert measured["site"] == at_first
    assert bench.judge.sizes == {"gate": 0, "site": 0}


def test_what_judged_too_soon_to_be_measured_is_measured_with_what_comes_next() -> None:
    bench = Bench()
    measured = bench.watcher.measured_scopes
    at_first = measured["site"]
    for index in range(2):
        bench.judge.judge([prefiltered("door", index)])
    assert measured["site"] == at_first
    for _ in range(2):
        bench.clock.advance(2.0)
        bench.judge.judge([prefiltered("gate", 1)])
    assert measured["site"] == at_first + 1


def test_a_recalled_frame_without_a_picture_has_a_reason_of_its_own() -> None:
    class Recalling(NewestSelector):
        def resize(self, count: int) -> list[Event]:
            back = live_frame("gate", 77)
            self.members[back.key] = back
            return [Kept(back, 0.2, None, 0.1, "recalled")]

    judge = Judge(ComputedEmbeddings(AngleEmbedder()), [], ManualClock())
    judge.open_scope("gate", Recalling(every=1))
    judge.assign("gate", "gate")
    judge.judge([prefiltered("gate", 0)])
    judge.change("gate", lambda selector: selector.resize(1))
    (update,) = judge.forget([FrameKey("gate", 77), FrameKey("gate", 0)])
    assert {event.frame.key.index: event.reason for event in update.changes} == {
        0: "lost",
        77: "picture-gone",
    }


def test_what_a_scope_keeps_already_is_told_before_any_frame_comes() -> None:
    bench = Bench()
    kept = NewestSelector()
    frame = live_frame("gate", 7)
    kept.members[frame.key] = frame
    bench.judge.open_scope("restored", kept)
    assert bench.judge.sizes["restored"] == 1
    assert bench.watcher.measured_scopes["restored"] == 1
    bench.judge.change("restored", lambda selector: selector.forget([frame.key], "lost"))
    assert bench.judge.sizes["restored"] == 0
    assert bench.watcher.measured_scopes["restored"] == 2
