from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamsel.decisions import FeedReport, Kept, Verdict
from streamsel.errors import RecordError
from streamsel.frame import FrameKey
from streamsel.record.beginning import begin
from streamsel.record.reader import Record
from streamsel.record.service_writer import LiveRecordWriter
from streamsel.record.values import FeedPlan
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import FEEDS, batches, kept_keys, plan, verdicts


@pytest.fixture
def made() -> list[Verdict]:
    return list(verdicts())


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordWriter]:
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        yield record


def test_what_was_asked_for_is_read_back(tmp_path: Path, writer: RecordWriter) -> None:
    with Record.open(tmp_path) as record:
        run = record.run()
    assert (run.status, run.started, run.finished) == ("running", 5.0, None)
    assert run.plan.differences(plan()) == []
    assert run.plan.config == {"count": 4}


def test_verdicts_are_read_back_as_they_were(
    tmp_path: Path, writer: RecordWriter, made: list[Verdict]
) -> None:
    for batch in batches(made, 7):
        writer.append(batch)
    with Record.open(tmp_path) as record:
        decisions, changes = list(record.decisions()), list(record.changes())
        candidates = list(record.candidates())
        vector = record.embedding(FrameKey("yard", 2))
    assert [
        (d.key, d.outcome, d.reason, d.distance, d.nearest, d.threshold) for d in decisions
    ] == [(v.frame.key, v.outcome, v.reason, v.distance, v.nearest, v.threshold) for v in made]
    events = [(v.frame.key, event) for v in made for event in v.events]
    assert [(c.cause, c.key, c.kind, c.distance, c.reason) for c in changes] == [
        (
            cause,
            event.frame.key,
            "kept" if isinstance(event, Kept) else "evicted",
            event.distance,
            event.reason,
        )
        for cause, event in events
    ]
    assert vector is not None
    assert vector[2] == 1
    for candidate, verdict in zip(candidates, made, strict=True):
        was, now = verdict.candidate, candidate
        assert now.frame.key == was.frame.key
        assert now.frame.pts == was.frame.pts
        assert now.frame.time_base == Fraction(1, 12_800)
        assert now.frame.media_time == was.frame.media_time
        assert now.frame.picture.image is None
        assert now.prefiltered.digest == was.prefiltered.digest
        assert now.prefiltered.refusal == was.prefiltered.refusal
        assert (now.embedding is None) == (was.embedding is None)
        if now.embedding is not None:
            assert (now.embedding == was.embedding).all()
            assert now.embedding.dtype == np.float32
            assert not now.embedding.flags.writeable


def test_any_batches_and_any_repeats_make_the_same_record(
    tmp_path: Path, made: list[Verdict]
) -> None:
    contents = []
    for number, size in enumerate((1, 5, 200)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(RecordWriter.create(folder, plan(), 5.0, strict=False)) as record:
            for batch in batches(made, size):
                record.append(batch)
                assert record.append(batch).verdicts == ()
            assert record.append(made).verdicts == ()
            contents.append(
                [
                    *record.reader.decisions(),
                    *record.reader.changes(),
                    *(kept.key for kept in record.reader.kept()),
                ]
            )
    assert contents[0] == contents[1] == contents[2]


def test_a_resumed_record_knows_where_each_feed_and_its_screen_were(
    tmp_path: Path, writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made[:80])
    writer.end_feed(FeedReport("walk", 60, None, ("damaged packet",)))
    with closing(RecordWriter.resume(tmp_path, strict=False)) as again:
        record = again.reader
        assert [record.recorded(feed) for feed in FEEDS] == [60, 20]
        walk, yard = record.feeds()
        assert (walk.done, walk.warnings) == (True, ("damaged packet",))
        assert (yard.done, yard.frames) == (False, None)
        state, digests = record.prefilter_state("yard", 5)
        was = made[79].candidate.prefiltered.state
        assert (state.passed, state.rows_digest, state.still_since) == (
            was.passed,
            was.rows_digest,
            was.still_since,
        )
        np.testing.assert_array_equal(state.reference, was.reference)
        np.testing.assert_array_equal(state.reference_chroma, was.reference_chroma)
        passed = [
            v.candidate.prefiltered.digest for v in made[60:80] if v.candidate.embedding is not None
        ]
        assert digests == passed[-5:]
        again.append(made)
        again.end_feed(FeedReport("yard", 60, "lost", ()))
        assert [feed.frames for feed in record.feeds()] == [60, 60]
        assert [kept.key for kept in record.kept()] == kept_keys(made)


def test_a_feed_whose_last_verdicts_are_owed_is_not_done(
    writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made[:50])
    writer.end_feed(FeedReport("walk", 60, None, ()))
    assert not writer.reader.feeds()[0].done
    writer.append(made[:60])
    assert writer.reader.feeds()[0].done


def test_a_frame_costs_less_than_150_bytes_beside_its_embedding(
    tmp_path: Path, writer: RecordWriter
) -> None:
    many = list(verdicts(count=5000))
    for batch in batches(many, 64):
        writer.append(batch)
    writer.close()
    with sqlite3.connect(tmp_path / "streamsel.db") as database:
        database.execute("DELETE FROM embeddings")
        database.execute("DELETE FROM events")
        database.execute("DELETE FROM kept")
    database.execute("VACUUM")
    database.close()
    assert (tmp_path / "streamsel.db").stat().st_size / len(many) < 150


def test_a_failed_append_changes_nothing_and_may_be_repeated(
    writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made[:10])
    before = list(writer.reader.decisions())
    with pytest.raises(RecordError, match="attic"):
        writer.append([*made[:30], renamed(made[0])])
    assert list(writer.reader.decisions()) == before
    change: Callable[..., Verdict] = replace
    broken = change(made[20], reason=None)
    with pytest.raises(sqlite3.IntegrityError):
        writer.append([*made[:20], broken])
    assert list(writer.reader.decisions()) == before
    writer.append(made)
    assert [d.key for d in writer.reader.decisions()] == [v.frame.key for v in made]


def renamed(verdict: Verdict) -> Verdict:
    candidate = verdict.candidate
    frame = replace(verdict.frame, key=FrameKey("attic", 0))
    prefiltered = replace(candidate.prefiltered, frame=frame)
    return replace(verdict, candidate=replace(candidate, prefiltered=prefiltered))


def test_feeds_may_join_a_service_later(tmp_path: Path) -> None:
    begin(tmp_path, plan(method="live"), 5.0)
    with closing(LiveRecordWriter.resume(tmp_path)) as service:
        service.add_feed(FeedPlan("attic", "rtsp://attic"))
        service.add_feed(FeedPlan("attic", "rtsp://other", "Under the roof"))
        feed = service.reader.feeds()[-1]
        assert (feed.name, feed.source) == ("attic", "rtsp://attic")
        assert feed.display_name == "Under the roof"
        assert service.reader.recorded("attic") == service.next_index("attic") == 0


def test_statistics_are_kept_by_name(tmp_path: Path, writer: RecordWriter) -> None:
    writer.progress.set_statistics({"radius": 0.5, "spacing": [1, 2]})
    writer.progress.set_statistics({"radius": 0.25})
    with Record.open(tmp_path) as record:
        assert record.statistics() == {"radius": 0.25, "spacing": [1, 2]}


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        Record.open(tmp_path)
    (tmp_path / "streamsel.db").write_bytes(b"not a database" * 100)
    with pytest.raises(RecordError, match=r"streamsel\.db"):
        Record.open(tmp_path)
    (tmp_path / "streamsel.db").unlink()
    with sqlite3.connect(tmp_path / "streamsel.db") as other:
        other.execute("CREATE TABLE things (id)")
    other.close()
    with pytest.raises(RecordError, match="another program"):
        Record.open(tmp_path)


def test_a_record_of_a_newer_version_is_not_touched(tmp_path: Path, writer: RecordWriter) -> None:
    writer.close()
    with sqlite3.connect(tmp_path / "streamsel.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RecordError, match=r"newer.*Upgrade"):
        Record.open(tmp_path)
    with pytest.raises(RecordError, match=r"newer.*Upgrade"):
        RecordWriter.resume(tmp_path, strict=True)


def test_a_damaged_record_is_not_continued(
    tmp_path: Path, writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made)
    writer.close()
    path = tmp_path / "streamsel.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"streamsel\.db.*move it aside \(mv\) or choose another"):
        RecordWriter.resume(tmp_path, strict=True)


def test_reading_leaves_nothing_behind(
    tmp_path: Path, writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made)
    writer.close()
    with Record.open(tmp_path) as record:
        assert len(list(record.decisions())) == len(made)
    assert [path.name for path in tmp_path.iterdir()] == ["streamsel.db"]


def test_what_is_taken_back_is_recorded_anew_once(
    tmp_path: Path, writer: RecordWriter, made: list[Verdict]
) -> None:
    writer.append(made)
    more = plan(feeds=[*plan().feeds, FeedPlan("gate", "gate.mp4")])
    settled = 100
    lost = writer.kept_at_the_end(settled)
    assert lost == []
    writer.reopen(more, settled)
    at_that_time = kept_keys(made[:settled])
    assert [frame.key for frame in writer.reader.kept()] == at_that_time
    assert [feed.name for feed in writer.reader.feeds()] == [*FEEDS, "gate"]
    assert len(list(writer.reader.decisions())) == len(made)
    for _ in range(2):
        writer.append(made[settled - 5 : settled + 10])
    assert [frame.key for frame in writer.reader.kept()] == kept_keys(made[: settled + 10])
    writer.close()
    with closing(RecordWriter.resume(tmp_path, strict=False)) as again:
        assert again.append(made[settled + 9 :]).verdicts == tuple(made[settled + 10 :])
        assert again.append(made[settled:]).verdicts == ()
        assert [frame.key for frame in again.reader.kept()] == kept_keys(made)
        changes = list(again.reader.changes())
    assert len(changes) == sum(len(verdict.events) for verdict in made)
