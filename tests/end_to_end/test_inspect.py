"""``streamsel inspect``: how a run is, and why a frame was kept, refused or evicted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from streamsel.record.reader import Record
from streamsel.report.inspection import inspect_frame
from tests.end_to_end.conftest import manifest, streamsel


@pytest.fixture(scope="module")
def selected(demo_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selected") / "kept"
    ended = streamsel("select", demo_clip, "-n", 12, "-o", folder)
    assert ended.code == 0, ended.err
    return folder


def test_how_a_selection_ended(selected: Path) -> None:
    lines = manifest(selected)
    ended = streamsel("inspect", selected, "--json")
    assert ended.code == 0, ended.err
    assert ended.json["status"] == "complete"
    assert (ended.json["kept"], ended.json["count"]) == (len(lines), 12)
    assert ended.json["bytes"] == sum(line["bytes"] for line in lines)
    assert ended.json["admitted"] - ended.json["evicted"] == len(lines)
    assert 0 < ended.json["closest"] < 2
    assert sum(ended.json["refused"].values()) > 0
    assert ended.json["feeds"][0]["kept"] == len(lines)
    said = streamsel("inspect", selected).out
    assert f"kept {len(lines)} of 12 frames" in said
    assert "demo" in said


def test_a_count_of_each_input_is_called_so(
    demo_clip: Path, selected: Path, tmp_path: Path
) -> None:
    copied = shutil.copy(demo_clip, tmp_path / "again.mp4")
    ended = streamsel("select", demo_clip, copied, "-n", 2, "--per-input", "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "kept 4 frames (at most 2 of each input), " in streamsel("inspect", tmp_path / "out").out
    assert " of 12 frames, " in streamsel("inspect", selected).out


def test_every_frame_of_a_selection_is_explained(selected: Path) -> None:
    with Record.open(selected) as record:
        decisions = {decision.key: decision for decision in record.decisions()}
        paths = {str(one.key): one.picture.path for one in record.kept() if one.picture}
    for key, decision in decisions.items():
        found = inspect_frame(selected, str(key))
        assert found == inspect_frame(selected, f"{key.feed}:{key.index}")
        assert found.kept == (str(key) in paths)
        assert found.path == paths.get(str(key))
        assert found.id == str(key)
        assert (found.media_time, found.sharpness) == (decision.media_time, decision.sharpness)
        first, last = found.steps[0], found.steps[-1]
        assert first.what == decision.outcome
        assert first.rule != first.reason
        assert (first.distance, first.threshold) == (decision.distance, decision.threshold)
        if decision.outcome == "refused":
            assert found.stands_in is None
        elif not found.kept:
            assert found.stands_in in paths
            assert found.stands_in_path == paths[found.stands_in]
            assert last.what in {"covered", "evicted"}


def test_a_frame_is_found_by_the_path_of_its_picture(selected: Path) -> None:
    line = manifest(selected)[-1]
    for path in (selected / line["path"], line["path"]):
        ended = streamsel("inspect", selected, path)
        assert ended.code == 0, ended.err
        assert ended.out.startswith(f"{line['id']}: kept, {line['path']}\n")
        assert "kept (novel): no kept frame was within the threshold" in ended.out
    assert re.search(rf"distance \d\.\d+ to {line['nearest']}", ended.out)


def test_an_evicted_frame_is_found_by_the_path_that_its_picture_had(selected: Path) -> None:
    with Record.open(selected) as record:
        (feed,) = [feed.name for feed in record.feeds()]
        gone = next(change.key for change in record.changes() if change.kind == "evicted")
    path = f"frames/{feed}/{gone.index:06d}_00000.000.jpg"
    assert inspect_frame(selected, path).id == str(gone)
