"""The figures of a run, as they are read from its record."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from streamsel.decisions import FeedReport
from streamsel.record.values import StoredPicture
from streamsel.record.writer import RecordWriter
from streamsel.report.summary import summarise
from tests.sinks.streams import kept_keys, plan, verdicts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = list(verdicts())
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        record.append(made)
        stored = kept_keys(made)[1:]
        record.claim([StoredPicture(key, f"{key}.png", 64, 48, 7, "ab" * 32) for key in stored])
        record.end_feed(FeedReport("walk", 60, "it broke", ("odd", "odder")))
        record.set_unopened({"gone.mp4": "is not there"})
        record.progress.set_status("interrupted", 7.123456)
    return tmp_path


def test_every_frame_is_counted_once(folder: Path) -> None:
    found = summarise(folder)
    made = list(verdicts())
    outcomes = [verdict.outcome for verdict in made]
    assert found.frames == len(made)
    assert (found.kept, found.unwritten) == (len(kept_keys(made)) - 1, 1)
    assert found.admitted == outcomes.count("kept")
    assert found.admitted - found.evicted == found.kept + found.unwritten
    assert found.covered == {"covered": outcomes.count("covered")}
    assert found.refused == {"black": outcomes.count("refused")}


def test_errors_and_warnings_are_by_feed(folder: Path) -> None:
    found = summarise(folder)
    assert found.errors == {"gone.mp4": "is not there", "walk": "it broke"}
    assert found.warnings == {"walk": ("odd", "odder")}


def test_seconds_are_told_to_the_thousandth(folder: Path) -> None:
    told = summarise(folder).as_json()
    assert told["seconds"] == 2.123
    assert (told["folder"], told["status"]) == (str(folder), "interrupted")
    assert told["warnings"] == {"walk": ["odd", "odder"]}
    assert told["embedder"] == {"name": "made", "digest": "00ff"}


def test_a_run_that_has_not_ended_has_lasted_no_time_yet(tmp_path: Path) -> None:
    RecordWriter.create(tmp_path, plan(), 5.0, strict=False).close()
    found = summarise(tmp_path)
    assert (found.seconds, found.status, found.frames, found.kept) == (0.0, "running", 0, 0)
