from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsel.choices import Durability
from streamsel.decisions import FeedStatus, SelectionUpdate
from streamsel.errors import RecordError, SinkError
from streamsel.frame import Candidate, FrameKey
from streamsel.record.reader import Record
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock
from tests.sinks.live_streams import (
    BEGIN,
    FRAME_SECONDS,
    content,
    evicted,
    files,
    frame,
    judged,
    keeping,
    kept,
    opened,
    vector,
    verdict,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sink(tmp_path: Path, clock: ManualClock) -> Iterator[LiveDiskSink]:
    made = opened(tmp_path, clock)
    yield made
    made.close()


def recorded(folder: Path) -> tuple[list[str], int]:
    """What another process reads: the frames kept, in order, and how many rows there are."""
    with Record.open(folder) as record:
        return [str(one.key) for one in record.kept()], len(list(record.decisions()))


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_a_kept_frame_is_stored_by_day_hour_and_moment(tmp_path: Path, sink: LiveDiskSink) -> None:
    sink.apply(keeping(5, size_bytes=2_000))
    path = "frames/gate/2027-01-15/08/20270115T080035.000000Z_gate-000005.jpg"
    assert files(tmp_path) == {path: sha256(content(FrameKey("gate", 5), 2_000)).hexdigest()}
    sink.tick()
    (line,) = manifest(tmp_path)
    assert (line["id"], line["path"], line["bytes"]) == ("gate-000005", path, 2_000)
    assert line["sha256"] == files(tmp_path)[path]
    assert line["wall_time"] == BEGIN + 5 * FRAME_SECONDS


def test_what_was_applied_is_recorded_at_once_if_strict(tmp_path: Path, sink: LiveDiskSink) -> None:
    sink.apply(judged(verdict(frame(1))))
    assert recorded(tmp_path) == ([], 0)
    sink.apply(keeping(2))
    assert recorded(tmp_path) == (["gate-000002"], 2)


def test_what_was_applied_is_recorded_within_a_second_if_batched(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock, durability="batched")
    given: dict[int, float] = {}
    waited, commits = [], 0
    for step in range(200):
        if step % 4 == 0:
            sink.tick()
        if step % 3 == 0:
            sink.apply(keeping(step))
            given[step] = clock.monotonic()
        with Record.open(tmp_path) as record:
            arrived = given.keys() & {one.key.index for one in record.kept()}
        commits += bool(arrived)
        waited += [clock.monotonic() - given.pop(index) for index in arrived]
        clock.advance(0.125)
    assert 0.5 < max(waited) <= 1.0
    assert commits <= 200 * 0.125 * 2
    sink.close()
    assert len(recorded(tmp_path)[0]) == 67


def test_a_frame_that_comes_and_goes_within_a_batch_is_never_written(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock, durability="batched")
    sink.apply(keeping(1))
    sink.apply(keeping(2, 1))
    clock.advance(1)
    sink.tick()
    assert [path[-15:] for path in files(tmp_path)] == ["gate-000002.jpg"]
    sink.close()


def test_verdicts_without_events_wait_for_a_second_or_a_thousand(
    tmp_path: Path, sink: LiveDiskSink, clock: ManualClock
) -> None:
    sink.apply(judged(verdict(frame(1)), state=None))
    clock.advance(1)
    sink.tick()
    assert recorded(tmp_path)[1] == 1
    for index in range(2, 1_002):
        sink.apply(judged(verdict(frame(index), "refused"), state=None))
    assert recorded(tmp_path)[1] == 1_001


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_judgement_may_be_given_again(
    tmp_path: Path, clock: ManualClock, durability: Durability
) -> None:
    sink = opened(tmp_path, clock, durability=durability)
    turns = [
        keeping(1),
        judged(verdict(frame(2)), verdict(frame(3), "kept", [evicted(FrameKey("gate", 1))])),
        judged(changes=[evicted(FrameKey("gate", 3), reason="over-budget")]),
        judged(changes=[kept(frame(2), "recalled")]),
    ]
    for turn in turns:
        for _ in range(3):
            sink.apply(turn)
            clock.advance(1)
            sink.tick()
    assert sink.stored_bytes == 1_000
    assert sink.lost() == []
    sink.close()
    assert recorded(tmp_path) == (["gate-000002"], 3)
    assert len(files(tmp_path)) == 1
    with Record.open(tmp_path) as record:
        changes = [(change.kind, str(change.key), change.reason) for change in record.changes()]
        assert changes == [
            ("kept", "gate-000001", "novel"),
            ("kept", "gate-000003", "novel"),
            ("evicted", "gate-000001", "closest-pair"),
            ("evicted", "gate-000003", "over-budget"),
            ("kept", "gate-000002", "recalled"),
        ]


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_what_fails_changes_nothing_and_is_repaired_by_the_next_call(
    tmp_path: Path, clock: ManualClock, durability: Durability
) -> None:
    sink = opened(tmp_path, clock, durability=durability)
    sink.apply(keeping(1))
    clock.advance(1)
    sink.tick()
    before = files(tmp_path), recorded(tmp_path), sink.stored_bytes
    obstacle = tmp_path / "frames/gate/2027-01-15/09"
    obstacle.write_text("in the way")
    both = judged(
        verdict(frame(2), "kept"), verdict(frame(600), "kept", [evicted(FrameKey("gate", 1))])
    )

    def give() -> None:
        sink.apply(both)
        clock.advance(1)
        sink.tick()

    for _ in range(2):
        with pytest.raises(SinkError, match=r"2027-01-15/09.*cannot be written"):
            give()
    obstacle.unlink()
    assert (files(tmp_path), recorded(tmp_path), sink.stored_bytes) == before
    give()
    assert recorded(tmp_path) == (["gate-000002", "gate-000600"], 3)
    assert len(files(tmp_path)) == 2
    assert sink.stored_bytes == 2_000
    sink.close()


def test_a_file_that_cannot_be_removed_stops_nothing_and_is_told(
    tmp_path: Path, sink: LiveDiskSink
) -> None:
    sink.apply(keeping(1))
    (path,) = files(tmp_path)
    (tmp_path / path).unlink()
    (tmp_path / path / "in the way").mkdir(parents=True)
    sink.apply(keeping(2, 1))
    assert recorded(tmp_path)[0] == ["gate-000002"]
    with pytest.raises(SinkError, match=r"gate-000001\.jpg"):
        sink.tick()
    sink.apply(keeping(3, 2))
    assert [path[-15:] for path in files(tmp_path)] == ["gate-000003.jpg"]
    (tmp_path / path / "in the way").rmdir()
    (tmp_path / path).rmdir()
    sink.tick()


def test_a_picture_that_was_lost_on_the_way_is_told_once(
    tmp_path: Path, sink: LiveDiskSink
) -> None:
    sink.apply(keeping(1, size_bytes=None))
    sink.apply(keeping(2))
    assert sink.lost() == [FrameKey("gate", 1)]
    assert sink.lost() == []
    sink.tick()
    assert recorded(tmp_path)[0] == ["gate-000001", "gate-000002"]
    assert [line["id"] for line in manifest(tmp_path)] == ["gate-000002"]
    sink.apply(judged(changes=[evicted(FrameKey("gate", 1), reason="lost")]))
    assert recorded(tmp_path)[0] == ["gate-000002"]


def test_the_bytes_of_all_pictures_are_known(tmp_path: Path, clock: ManualClock) -> None:
    sink = opened(tmp_path, clock, max_bytes=5_000)
    for index, size_bytes in enumerate([3_000, 1_000, 4_000], 1):
        sink.apply(keeping(index, size_bytes=size_bytes))
    assert (sink.stored_bytes, sink.excess_bytes) == (8_000, 3_000)
    sink.apply(judged(changes=[evicted(FrameKey("gate", 1), reason="over-budget")]))
    assert (sink.stored_bytes, sink.excess_bytes) == (5_000, 0)
    sink.apply(keeping(4, 2))
    sink.close()
    again = opened(tmp_path, clock, max_bytes=4_500)
    assert (again.stored_bytes, again.excess_bytes) == (5_000, 500)
    assert again.stored_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))
    again.close()


def test_hours_and_days_without_pictures_go(tmp_path: Path, sink: LiveDiskSink) -> None:
    sink.apply(keeping(1))
    sink.apply(keeping(20_000, 1))
    days = [path.name for path in (tmp_path / "frames/gate").iterdir()]
    assert days == ["2027-01-16"]
    sink.apply(judged(changes=[evicted(FrameKey("gate", 20_000), reason="lost")]))
    assert list((tmp_path / "frames/gate").iterdir()) == []


def test_the_manifest_is_replaced_each_ten_seconds_at_most_and_at_the_end(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock)
    sink.tick()
    for index in range(1, 60):
        sink.apply(keeping(index))
        clock.advance(0.5)
        sink.tick()
        assert len(manifest(tmp_path)) == index // 20 * 20
    sink.close()
    assert len(manifest(tmp_path)) == 59


def test_how_a_feed_is_can_be_read(tmp_path: Path, sink: LiveDiskSink) -> None:
    status = FeedStatus("gate", "rtsp://gate", "down", "no picture for 10 s", BEGIN, 3, BEGIN - 10)
    sink.feed_changed(status)
    sink.tick()
    with Record.open(tmp_path) as record:
        told = {feed.name: feed.status for feed in record.feeds()}
    assert told["gate"] is not None
    assert FeedStatus(**json.loads(told["gate"])) == status
    assert told["yard"] is None


def test_numbers_are_never_given_twice(tmp_path: Path, clock: ManualClock) -> None:
    sink = opened(tmp_path, clock)
    assert sink.next_index("gate") == 0
    sink.reserve({"gate": 1_000})
    sink.apply(keeping(10))
    sink.reserve({"gate": 500})
    sink.close()
    again = opened(tmp_path, clock)
    assert again.next_index("gate") == 1_000
    again.apply(keeping(1_234))
    assert again.next_index("gate") == 1_235
    assert again.next_index("yard") == 0
    again.close()


def test_a_service_that_starts_again_finds_what_its_selectors_need(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock)
    for turn in (keeping(3), keeping(1), keeping(7, 3)):
        sink.apply(turn)
    late = judged(verdict(frame(9, "yard"), "kept"), scope="yard", state=b"of the yard")
    sink.apply(late)
    sink.apply(judged(verdict(frame(8)), state=b"newest"))
    sink.set_pinned(FrameKey("gate", 7), True)
    sink.set_pinned(FrameKey("gate", 1), True)
    sink.set_pinned(FrameKey("gate", 1), False)
    sink.close()

    again = opened(tmp_path, clock)
    assert again.selection("gate") == b"newest"
    assert again.selection("hall") is None
    candidates = again.kept_candidates("gate")
    assert [str(one.frame.key) for one in candidates] == ["gate-000001", "gate-000007"]
    for one in candidates:
        wanted = frame(one.frame.key.index)
        assert one.embedding is not None
        assert np.array_equal(one.embedding, vector(one.frame.key))
        assert (one.frame.pts, one.frame.time_base) == (wanted.pts, wanted.time_base)
        assert (one.frame.media_time, one.frame.wall_time) == (wanted.media_time, wanted.wall_time)
        assert one.frame.picture.encoded is None
    assert again.kept_candidates("yard")[0].frame.key == FrameKey("yard", 9)
    assert again.pinned("gate") == [FrameKey("gate", 7)]
    assert again.last_times("gate") == (8 * FRAME_SECONDS, BEGIN + 8 * FRAME_SECONDS)
    again.add_feed("hall", "rtsp://hall")
    assert again.last_times("hall") is None
    assert again.last_size("gate") == (64, 48)
    assert again.last_size("hall") is None
    again.apply(judged(verdict(frame(0, "hall"), "kept"), scope="hall"))
    again.close()
    assert recorded(tmp_path)[0][-1] == "hall-000000"


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_what_is_asked_of_a_running_store_includes_all_that_was_applied(
    tmp_path: Path, clock: ManualClock, durability: Durability
) -> None:
    sink = opened(tmp_path, clock, durability=durability)
    sink.apply(judged(verdict(frame(1), "kept"), state=b"one"))
    sink.set_pinned(FrameKey("gate", 1), True)
    sink.apply(judged(verdict(frame(2)), state=b"two"))
    assert sink.selection("gate") == b"two"
    sink.apply(judged(verdict(frame(3), "kept"), state=b"three"))
    assert [one.frame.key.index for one in sink.kept_candidates("gate")] == [1, 3]
    assert sink.pinned("gate") == [FrameKey("gate", 1)]
    sink.apply(judged(verdict(frame(4)), state=None))
    assert sink.last_times("gate") == (4 * FRAME_SECONDS, BEGIN + 4 * FRAME_SECONDS)
    sink.close()


def test_a_pin_ends_with_the_keeping(sink: LiveDiskSink) -> None:
    sink.apply(keeping(1))
    sink.set_pinned(FrameKey("gate", 1), True)
    sink.apply(judged(changes=[evicted(FrameKey("gate", 1), reason="lost")]))
    sink.apply(judged(changes=[kept(frame(1), "recalled")]))
    assert sink.pinned("gate") == []


def test_a_recalled_frame_can_be_continued_from(tmp_path: Path, clock: ManualClock) -> None:
    sink = opened(tmp_path, clock, history=0)
    sink.apply(judged(verdict(frame(1)), verdict(frame(2)), verdict(frame(3), "kept")))
    sink.apply(judged(changes=[kept(frame(1), "recalled")]))
    clock.advance(5)
    sink.tick()
    sink.apply(judged(changes=[kept(frame(2), "recalled")]))
    found = sink.kept_candidates("gate")
    assert [one.frame.key.index for one in found] == [3, 1, 2]
    assert all(is_of(one) for one in found)
    assert sink.last_times("gate") == (3 * FRAME_SECONDS, BEGIN + 3 * FRAME_SECONDS)
    sink.close()
    assert len(files(tmp_path)) == 3


def test_several_frames_are_recalled_at_once_with_a_row_or_without(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock, history=1)
    third = FrameKey("gate", 3)
    sink.apply(judged(verdict(frame(1)), verdict(frame(2)), verdict(frame(3), "kept")))
    sink.apply(judged(verdict(frame(4))))
    clock.advance(5)
    sink.tick()  # of those that were covered, the fourth alone still has a row
    back = [kept(frame(index), "recalled") for index in (4, 1, 2)]
    sink.apply(judged(changes=[evicted(third), *back]))
    found = sink.kept_candidates("gate")
    assert sorted(one.frame.key.index for one in found) == [1, 2, 4]
    assert all(is_of(one) for one in found)
    sink.close()
    assert recorded(tmp_path) == (["gate-000001", "gate-000002", "gate-000004"], 4)


def test_a_verdict_that_comes_after_later_ones_of_its_feed_counts(
    tmp_path: Path, sink: LiveDiskSink
) -> None:
    sink.apply(judged(verdict(frame(9), "kept"), scope="alone"))
    sink.apply(judged(verdict(frame(4), "kept"), scope="group"))
    assert recorded(tmp_path)[0] == ["gate-000004", "gate-000009"]
    assert sink.last_times("gate") == (9 * FRAME_SECONDS, BEGIN + 9 * FRAME_SECONDS)


def test_a_feed_that_is_not_known_is_refused(sink: LiveDiskSink) -> None:
    with pytest.raises(RecordError, match="no feed 'hall'"):
        sink.apply(judged(verdict(frame(1, "hall"), "kept")))


def aside(index: int, *gone: int) -> SelectionUpdate:
    """A turn that keeps one frame and evicts others, which may all be recalled."""
    turn = keeping(index, *gone)
    return replace(turn, recallable=frozenset(FrameKey("gate", other) for other in gone))


def recalled(index: int) -> SelectionUpdate:
    """A turn that keeps a frame again after its picture was released."""
    return judged(changes=[kept(frame(index, size_bytes=None), "recalled")])


def test_what_is_set_aside_counts_and_goes_when_it_cannot_be_recalled(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock, max_bytes=2_500)
    sink.apply(keeping(1))
    sink.apply(keeping(2))
    sink.apply(aside(3, 1))
    assert (sink.stored_bytes, sink.excess_bytes, len(files(tmp_path))) == (3_000, 500, 3)
    sink.select_into(["gate"])
    assert sink.excess_bytes == 500
    sink.apply(judged(verdict(frame(4)), state=None))
    clock.advance(1)
    sink.tick()
    assert sink.stored_bytes == 3_000  # nothing new was said of it
    sink.apply(replace(keeping(5, 2), recallable=frozenset()))
    assert (sink.stored_bytes, len(files(tmp_path))) == (2_000, 2)
    sink.close()
    assert recorded(tmp_path)[0] == ["gate-000003", "gate-000005"]


def test_what_is_set_aside_is_kept_again_as_it_was(tmp_path: Path, sink: LiveDiskSink) -> None:
    sink.apply(keeping(1))
    before = files(tmp_path)
    sink.apply(aside(2, 1))
    assert recorded(tmp_path)[0] == ["gate-000002"]
    sink.apply(recalled(1))
    assert before.items() <= files(tmp_path).items()
    assert recorded(tmp_path)[0] == ["gate-000001", "gate-000002"]
    assert (sink.lost(), sink.stored_bytes) == ([], 2_000)
    sink.apply(recalled(1))  # given again
    assert (sink.lost(), sink.stored_bytes) == ([], 2_000)


def test_a_file_that_somebody_removed_is_not_claimed_again(
    tmp_path: Path, sink: LiveDiskSink
) -> None:
    sink.apply(keeping(1))
    sink.apply(aside(2, 1))
    (path,) = (path for path in files(tmp_path) if path.endswith("gate-000001.jpg"))
    (tmp_path / path).unlink()
    sink.apply(recalled(1))
    assert sink.lost() == [FrameKey("gate", 1)]
    assert sink.stored_bytes == 1_000


def test_a_frame_that_comes_and_goes_within_a_batch_is_stored_if_it_may_be_recalled(
    tmp_path: Path, clock: ManualClock
) -> None:
    sink = opened(tmp_path, clock, durability="batched")
    for turn in (keeping(1), aside(2, 1)):
        sink.apply(turn)
    clock.advance(1)
    sink.tick()
    assert len(files(tmp_path)) == 2
    sink.apply(recalled(1))
    clock.advance(1)
    sink.tick()
    assert sink.lost() == []
    sink.close()
    assert recorded(tmp_path)[0] == ["gate-000001", "gate-000002"]


def is_of(one: Candidate) -> bool:
    """Whether a candidate has the embedding of its frame."""
    return one.embedding is not None and np.array_equal(one.embedding, vector(one.frame.key))
