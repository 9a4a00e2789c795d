"""What a record knows of the scene in front of a camera, for files and for services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.decisions import Outcome, Verdict
from streamsel.frame import FrameKey, PrefilterState, SceneChange
from streamsel.record.reader import Record
from streamsel.record.scenes import change_row, due_scenes, packed_scene, scene_of
from streamsel.record.writer import RecordWriter
from streamsel.scene import NEW_SCENE, SceneState
from streamsel.testing import ManualClock
from tests.prefilter.scenes import filmed, run, street
from tests.sinks.live_streams import frame, judged, opened, verdict
from tests.sinks.streams import plan, verdicts

STATES = run(filmed(lambda at: street(), 40))
"""A scene for 40 seconds, five times a second; it counts as fixed from the 19th or 20th on."""
FIXED = next(index for index, state in enumerate(STATES) if state.fixed)


def measured(one: Verdict, scene: SceneState) -> Verdict:
    """The verdict with what was measured of its frame."""
    prefiltered = replace(
        one.candidate.prefiltered,
        state=replace(one.candidate.prefiltered.state, scene=scene),
        change=SceneChange(scene.share, scene.fixed),
    )
    return replace(one, candidate=replace(one.candidate, prefiltered=prefiltered))


def test_a_selection_reads_back_what_was_measured_and_goes_on_from_it(tmp_path: Path) -> None:
    made = [measured(one, STATES[index]) for index, one in enumerate(verdicts(count=60))]
    made[7] = replace(
        made[7],
        candidate=replace(
            made[7].candidate, prefiltered=replace(made[7].candidate.prefiltered, change=None)
        ),
    )
    wanted = [one.candidate.prefiltered.change for one in made]
    assert {None if change is None else change.fixed for change in wanted} == {None, False, True}
    RecordWriter.create(tmp_path, plan(), 5.0, strict=False).close()
    with closing(RecordWriter.resume(tmp_path, strict=False)) as record:
        record.append(made)
    with Record.open(tmp_path) as record:
        assert [one.change for one in record.decisions()] == wanted
        assert [one.prefiltered.change for one in record.candidates()] == wanted
        for feed, last in (("walk", STATES[59]), ("yard", STATES[119])):
            state, _ = record.prefilter_state(feed, 5)
            assert state.scene.packed() == last.packed()
            assert record.scene(feed).fixed_since == last.fixed_since


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\x02\0\0\0{}", b"\xff" * 100, STATES[60].packed()[:-1]],
    ids=["none", "empty", "no state", "no text", "cut short"],
)
def test_a_damaged_scene_begins_anew(content: bytes | None) -> None:
    assert scene_of(content) is NEW_SCENE


def test_a_scene_of_which_nothing_was_seen_takes_no_room() -> None:
    assert packed_scene(NEW_SCENE) is None
    assert change_row(None) == (None, None)


def turns() -> Iterator[Sequence[Verdict]]:
    """One verdict of the gate in each turn, each with the scene after it."""
    for index, state in enumerate(STATES):
        yield [measured(verdict(frame(index)), state)]


def test_a_live_scene_is_stored_when_it_becomes_fixed_and_else_every_ten_seconds() -> None:
    stored: dict[str, SceneState] = {}
    moments = []
    for index, turn in enumerate(turns()):
        due = due_scenes(stored, turn)
        stored |= due
        moments += [index] * len(due)
    assert moments == sorted({0, 50, FIXED, FIXED + 50, FIXED + 100})


def test_of_many_verdicts_at_once_the_newest_due_scene_is_stored() -> None:
    everything = [one for turn in turns() for one in turn]
    due = due_scenes({}, everything)
    assert list(due) == ["gate"]
    assert due["gate"].clock > STATES[-1].clock - 10
    assert due_scenes({}, [verdict(frame(1))]) == {}


def test_a_service_goes_on_with_the_scene_of_its_camera_alone(tmp_path: Path) -> None:
    sink = opened(tmp_path, ManualClock())
    states = STATES[: FIXED + 30]
    for index, state in enumerate(states):
        outcome: Outcome = "kept" if index in (3, FIXED + 3) else "covered"
        sink.apply(judged(measured(verdict(frame(index), outcome), state)))
    sink.close()
    again = opened(tmp_path, ManualClock())
    found = again.scene("gate", "rtsp://gate")
    assert found.packed() == states[FIXED].packed()
    assert found.clock > states[-1].clock - 10
    assert again.scene("gate", "rtsp://another") is NEW_SCENE
    assert again.scene("yard", "yard") is NEW_SCENE
    changes = {one.frame.key: one.prefiltered.change for one in again.kept_candidates("gate")}
    assert changes == {
        FrameKey("gate", index): SceneChange(states[index].share, index >= FIXED)
        for index in (3, FIXED + 3)
    }
    again.close()


def test_the_default_state_of_a_prefilter_knows_no_scene() -> None:
    assert PrefilterState().scene is NEW_SCENE
