"""A full disk: nothing is torn, what is evicted makes room, and it goes on once there is some."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from streamsel.choices import Durability
from streamsel.decisions import SelectionUpdate
from streamsel.errors import DiskFullError
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock
from tests.sinks.live_streams import evicted, files, judged, keeping, opened
from tests.sinks.test_full_disk import fill

SIZE_BYTES = 50_000
LEAVE_BYTES = [0, 5_000, 60_000, 300_000]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def state(folder: Path, sink: LiveDiskSink) -> list[int]:
    with Record.open(folder) as record:
        claimed = {one.picture.path: one.picture.sha256 for one in record.kept() if one.picture}
        live = [one.key.index for one in record.kept()]
    assert files(folder) == claimed
    assert sink.stored_bytes == sum((folder / path).stat().st_size for path in claimed)
    return live


def kept_in(folder: Path) -> list[int]:
    with Record.open(folder) as record:
        return [one.key.index for one in record.kept() if one.picture]


def give(sink: LiveDiskSink, clock: ManualClock, update: SelectionUpdate) -> None:
    sink.apply(update)
    clock.advance(1)
    sink.tick()


def give_until_full(sink: LiveDiskSink, clock: ManualClock, first: int) -> NoReturn:
    for index in range(first, first + 100):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    raise AssertionError("the disk is not full")


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("leave_bytes", LEAVE_BYTES)
def test_nothing_is_torn_and_it_goes_on_once_there_is_room(
    small_disk: Path, clock: ManualClock, durability: Durability, leave_bytes: int
) -> None:
    folder = small_disk / "kept"
    sink = opened(folder, clock, durability=durability)
    for index in range(5):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    ballast = fill(small_disk, leave_bytes)
    with pytest.raises(DiskFullError, match=f"{folder}.*bytes free"):
        give_until_full(sink, clock, 5)
    live = state(folder, sink)
    assert live == list(range(len(live)))
    for _ in range(3):
        with pytest.raises(DiskFullError):
            give(sink, clock, keeping(len(live), size_bytes=400_000))
    assert state(folder, sink) == live
    ballast.unlink()
    give(sink, clock, keeping(len(live), size_bytes=SIZE_BYTES))
    assert state(folder, sink) == [*live, len(live)]
    sink.close()


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("leave_bytes", LEAVE_BYTES)
def test_what_is_evicted_makes_room_for_what_is_kept(
    small_disk: Path, clock: ManualClock, durability: Durability, leave_bytes: int, spare: bool
) -> None:
    folder = small_disk / "kept"
    sink = opened(folder, clock, durability=durability)
    for index in range(10):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    fill(small_disk, leave_bytes)
    for index in range(10, 150):
        turn = keeping(index, index - 10, size_bytes=SIZE_BYTES)
        gone = frozenset(FrameKey("gate", index - back) for back in range(10, 20))
        give(sink, clock, replace(turn, recallable=gone if spare else frozenset()))
        assert kept_in(folder) == list(range(index - 9, index + 1))
        assert spare or state(folder, sink) == kept_in(folder)
    sink.close()
    again = opened(folder, clock)
    assert state(folder, again) == list(range(140, 150))
    assert again.lost() == []
    again.close()


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("leave_bytes", LEAVE_BYTES)
def test_what_exceeds_the_budget_makes_room_on_a_full_disk(
    small_disk: Path, clock: ManualClock, durability: Durability, leave_bytes: int
) -> None:
    folder = small_disk / "kept"
    sink = opened(folder, clock, durability=durability, max_bytes=8 * SIZE_BYTES)
    for index in range(10):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    fill(small_disk, leave_bytes)
    evictions = [evicted(FrameKey("gate", index), reason="over-budget") for index in (3, 5)]
    assert sink.excess_bytes == 2 * SIZE_BYTES
    give(sink, clock, judged(changes=evictions))
    assert sink.excess_bytes == 0
    assert state(folder, sink) == [0, 1, 2, 4, 6, 7, 8, 9]
    give(sink, clock, keeping(10, size_bytes=SIZE_BYTES))
    assert state(folder, sink)[-1] == 10
    sink.close()


def test_bytes_in_reserve_let_the_record_say_what_went(
    small_disk: Path, clock: ManualClock
) -> None:
    folder = small_disk / "kept"
    sink = opened(folder, clock)
    for index in range(10):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    log = sqlite3.connect(folder / "streamsel.db")
    log.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    log.close()
    fill(small_disk, 0)
    sink.apply(judged(changes=[evicted(FrameKey("gate", 0), reason="over-budget")]))
    assert state(folder, sink) == list(range(1, 10))
    sink.close()


def test_a_service_starts_on_a_full_disk(small_disk: Path, clock: ManualClock) -> None:
    folder = small_disk / "kept"
    sink = opened(folder, clock)
    for index in range(5):
        give(sink, clock, keeping(index, size_bytes=SIZE_BYTES))
    sink.close()
    ballast = fill(small_disk, 0)
    sink = opened(folder, clock)
    assert state(folder, sink) == [0, 1, 2, 3, 4]
    give(sink, clock, keeping(5, 2, size_bytes=SIZE_BYTES))
    ballast.unlink()
    sink.close()


def test_no_service_is_begun_on_a_full_disk_and_nothing_is_left_of_the_attempt(
    small_disk: Path,
) -> None:
    fill(small_disk, 8_192)
    with pytest.raises(DiskFullError, match="bytes free"):
        opened(small_disk / "kept")
    assert list((small_disk / "kept").iterdir()) == []
