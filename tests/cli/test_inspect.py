"""``streamsel inspect`` of a service: how it is, and why frames were kept, refused or evicted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.decisions import FeedStatus
from streamsel.frame import FrameKey, SceneChange
from streamsel.report.inspection import RULES, inspect_frame
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sinks.service_folder import LiveDiskSink
from tests.cli.running import streamsel
from tests.sinks.live_streams import BEGIN, DIM, evicted, frame, judged, kept, opened, verdict

ROOT = Path(__file__).parents[2]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[LiveDiskSink, Path]]:
    """A service that goes on: 1 was evicted for 2, 2 for 3; 4 is refused, 5 was recalled."""
    sink = opened(tmp_path / "live", max_bytes=50_000_000, history=20)
    state = OnlineSelector(Budget(count=12), DIM).state()
    gate = [FrameKey("gate", index) for index in range(10)]
    sink.apply(judged(verdict(frame(1), "kept"), verdict(frame(5)), state=state))
    sink.apply(judged(verdict(frame(2), "kept", [evicted(gate[1], gate[2])]), state=state))
    third = verdict(frame(3), "kept", [evicted(gate[2], gate[3])])
    sink.apply(judged(third, verdict(frame(4), "refused"), state=state))
    sink.apply(judged(changes=[kept(frame(5), "recalled")], state=state))
    sink.apply(judged(changes=[evicted(gate[5], gate[3], "over-budget")], state=state))
    sink.apply(judged(verdict(frame(6), "kept"), state=state))
    sink.apply(judged(changes=[evicted(gate[6], reason="lost")], state=state))
    status = FeedStatus("yard", "rtsp://yard", "down", "no picture for 10 s", BEGIN, 2, None)
    sink.feed_changed(status)
    sink.tick()
    yield sink, tmp_path / "live"
    sink.close()


def test_how_a_service_is_while_it_runs(live: tuple[LiveDiskSink, Path]) -> None:
    _, folder = live
    ended = streamsel("inspect", folder, "--json")
    assert ended.code == 0, ended.err
    found = ended.json
    assert (found["status"], found["method"], found["kept"]) == ("running", "live", 1)
    assert (found["bytes"], found["max_bytes"]) == (1_000, 50_000_000)
    assert (found["admitted"], found["evicted"]) == (5, 4)
    assert found["refused"] == {"black": 1}
    assert found["scopes"] == [{"name": "gate", "capacity": 12, "spacing": 0.0}]
    states = {
        feed["name"]: (feed["kept"], feed["state"], feed["reason"]) for feed in found["feeds"]
    }
    assert states == {"gate": (1, None, None), "yard": (0, "down", "no picture for 10 s")}
    said = streamsel("inspect", folder).out
    assert "selector gate: at most 12 frames, spacing 0.000" in said
    assert "yard down: kept 0 of yard (no picture for 10 s)" in said
    assert "0.0 of 50.0 MB" in said


def test_why_frames_of_a_service_were_kept_refused_and_evicted(
    live: tuple[LiveDiskSink, Path],
) -> None:
    _, folder = live
    third = "frames/gate/2027-01-15/08/20270115T080021.000000Z_gate-000003.jpg"
    ended = streamsel("inspect", folder, "gate-000001")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "gate-000001: not kept",
        "  kept (novel): no kept frame was within the threshold; distance 0.250 to gate-000000, "
        "threshold 0.100",
        "  evicted (closest-pair): it was one of the two closest kept frames when a new one was "
        "kept; distance 0.200 to gate-000002, when gate-000002 came",
        f"  gate-000003 represents it now ({third})",
    ]
    refused = inspect_frame(folder, "gate:4")
    assert [(step.what, step.reason) for step in refused.steps] == [("refused", "black")]
    assert refused.stands_in is None
    recalled = inspect_frame(folder, "gate-000005")
    assert [(step.what, step.reason, step.cause) for step in recalled.steps] == [
        ("covered", "covered", None),
        ("kept", "recalled", None),
        ("evicted", "over-budget", None),
    ]
    assert (recalled.stands_in, recalled.stands_in_path) == ("gate-000003", third)
    lost = inspect_frame(folder, "gate-000006")
    assert (lost.kept, lost.path, lost.stands_in) == (False, None, None)


def test_a_picture_that_is_gone_is_still_a_name(
    live: tuple[LiveDiskSink, Path],
) -> None:
    _, folder = live
    name = "frames/gate/2027-01-15/08/20270115T080014.000000Z_gate-000002.jpg"
    assert inspect_frame(folder, name).id == "gate-000002"
    assert inspect_frame(folder, str(folder / name)).id == "gate-000002"


def test_what_is_not_known_or_no_longer_is_said_in_a_line(live: tuple[LiveDiskSink, Path]) -> None:
    sink, folder = live
    sink.apply(judged(*(verdict(frame(index), "refused") for index in range(10, 60))))
    sink.close()
    again = opened(folder, history=20)
    again.tick()
    again.close()
    for name, said in (
        ("gate-000001", "nothing is recorded of gate-000001"),
        ("gate-000004", "forgotten"),
        ("gate-999999", "never judged"),
        ("nonsense", "no frame 'nonsense'; give an id like gate-000123"),
        ("hall-000001", "no frame 'hall-000001'"),
        ("frames/gate/nonsense.jpg", "no frame"),
    ):
        ended = streamsel("inspect", folder, name)
        assert (ended.code, ended.out) == (1, "")
        assert said in ended.err
        assert ended.err.count("\n") == 1
    assert streamsel("inspect", folder, "gate-000003").code == 0
    nothing = streamsel("inspect", folder / "frames")
    assert nothing.code == 1
    assert "holds no run" in nothing.err


def test_every_documented_reason_has_words() -> None:
    table = (ROOT / "docs" / "reference" / "record.md").read_text()
    rows = re.findall(r"^\| (?:kept|covered|refused|evicted) \| (.*?) \|", table, re.MULTILINE)
    reasons = {reason for row in rows for reason in re.findall(r"`([\w-]+)`", row)}
    assert len(reasons) > 10
    assert reasons <= RULES.keys()


@pytest.mark.parametrize(
    ("fixed", "camera"), [(True, "fixed; weight: 0."), (False, "not yet fixed; weight: 1, and 0.")]
)
def test_what_changed_in_front_of_the_camera_is_said(
    tmp_path: Path, fixed: bool, camera: str
) -> None:
    sink = opened(tmp_path)
    judgement = verdict(frame(1), "kept")
    change = SceneChange(share=1 / 1024, fixed=fixed)
    prefiltered = replace(judgement.candidate.prefiltered, change=change)
    candidate = replace(judgement.candidate, prefiltered=prefiltered)
    sink.apply(judged(replace(judgement, candidate=candidate)))
    sink.close()
    said = streamsel("inspect", tmp_path, "gate-000001").out
    assert f"  0.1% of the picture changed; camera: {camera}" in said
    told = streamsel("inspect", tmp_path, "gate-000001", "--json").json
    assert (told["change_share"], told["fixed"]) == (1 / 1024, fixed)
