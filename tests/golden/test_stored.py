"""What an earlier commit left on disk still opens, says what it said, and is continued."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from tests.golden import book, feeds, stored
from tests.golden.records import Row, differences, from_text, to_text
from tests.golden.run import recorded, select
from tests.sinks.mqtt.lines import open_outbox


def verdicts(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["kind"] == "verdict"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    shutil.copytree(stored.FOLDER / "clips", tmp_path / "clips")
    return tmp_path / "clips" / "small.mkv"


def test_the_commands_say_of_stored_folders_what_they_said() -> None:
    name, found = stored.said()
    was = book.read(name)
    assert list(found) == list(was)
    for record, rows in found.items():
        assert [*differences(was[record], rows)] == [], record


def test_a_run_that_was_stopped_is_continued_to_what_it_would_have_been(
    clip: Path, tmp_path: Path
) -> None:
    stopped = stored.opened("interrupted", tmp_path)
    before = verdicts(recorded(stopped))
    whole = select([clip], tmp_path / "whole", *stored.OPTIONS)
    rest = select([clip], stopped, *stored.OPTIONS, "--resume")
    assert 0 < len(before) < len(verdicts(rest))
    assert [*differences(from_text(to_text(before)), verdicts(rest)[: len(before)])] == []
    assert [*differences(from_text(to_text(whole)), rest)] == []


def test_a_run_that_came_to_its_end_has_its_pictures_and_nothing_to_do(tmp_path: Path) -> None:
    from streamsel import Selection

    folder = stored.opened("complete", tmp_path)
    frames = Selection(folder).frames
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [frame.id for frame in frames] == [line["id"] for line in lines]
    for frame, line in zip(frames, lines, strict=True):
        assert frame.image().shape == (line["height"], line["width"], 3)
        assert (frame.sha256, frame.reason) == (line["sha256"], line["reason"])
    assert [frame.id for frame in frames if frame.feed == "single"] == ["single-000000"]


def test_vectors_that_were_exported_lead_to_the_same_selection(clip: Path, tmp_path: Path) -> None:
    table = stored.FOLDER / "vectors.parquet"
    rows = select([clip], tmp_path / "by-table", *stored.OPTIONS, "--embeddings", table)
    looked_at = select([clip], tmp_path / "by-network", *stored.OPTIONS)
    wanted = [row for row in looked_at if row["kind"] not in ("seen", "picture")]
    assert [*differences(from_text(to_text(wanted)), rows)] == []


def test_a_service_goes_on_from_what_it_stored(tmp_path: Path) -> None:
    """From the states of its selectors, pins, kept frames and pictures, as its records say."""
    folder = stored.opened("service", tmp_path)
    kept = {row["frame"] for row in recorded(folder) if row["kind"] == "picture"}
    for scope, rows in feeds.replay(folder, "after").items():
        assert book.faults(f"feed-{scope}", "after", rows) == []
    assert {row["frame"] for row in recorded(folder) if row["kind"] == "picture"} != kept
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        claimed = {path for (path,) in database.execute("SELECT path FROM kept WHERE live")}
    files = {str(one.relative_to(folder)) for one in folder.rglob("frames/**/*.png")}
    assert files == claimed


def test_a_stored_coreset_answers_as_the_one_that_was_stored() -> None:
    content = (stored.FOLDER / "coreset.npz").read_bytes()
    fresh = from_text(to_text(stored.coreset_rows()))
    assert [*differences(fresh, stored.coreset_rows(content))] == []


def test_messages_that_wait_are_sent_in_order_and_what_was_refused_is_kept(tmp_path: Path) -> None:
    folder = stored.opened("outbox", tmp_path)
    line = open_outbox(folder)
    counts = line.counter.counts()
    assert (counts.pending, counts.quarantined) == (len(stored.WAITING), len(stored.REFUSED))
    assert line.waiting() == [stored.message(number) for number in stored.WAITING]
    assert line.outgoing.announced() == stored.ANNOUNCED
    line.outbox.put([stored.message(9)])
    assert line.waiting()[-1] == stored.message(9)
    assert line.settle() == len(stored.WAITING) + 1
    line.close()
    assert [*(folder / "payloads").iterdir()] == []
    assert stored.outbox_quarantine(folder) == [
        (reason, stored.message(number).key, stored.message(number).payload)
        for number, reason in stored.REFUSED
    ]


def test_logins_that_were_ended_stay_ended() -> None:
    ended = stored.ended_logins()
    assert all(login in ended for login in stored.LOGINS)
    assert "abcd" not in ended
