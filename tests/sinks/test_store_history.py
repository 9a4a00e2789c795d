"""What a service remembers of frames that are not kept: the newest so many, for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from streamsel.decisions import SelectionUpdate
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from streamsel.testing import ManualClock
from tests.sinks.live_streams import evicted, frame, judged, opened, verdict

HISTORY = 2_000
TURN = 100
"""Frames a turn; the first of each is kept, and of them the newest ten and every tenth."""


def turns(first: int, count: int) -> Iterator[SelectionUpdate]:
    for turn in range(first, first + count):
        index = turn * TURN
        gone = FrameKey("gate", index - 10 * TURN)
        events = [evicted(gone, FrameKey("gate", index))] if turn >= 10 and turn % 10 else []
        others = [
            verdict(frame(index + k), "refused" if k % 3 else "covered") for k in range(1, TURN)
        ]
        yield judged(verdict(frame(index, size_bytes=10), "kept", events), *others)


def run(folder: Path, first: int, count: int) -> None:
    clock = ManualClock()
    sink = opened(folder, clock, history=HISTORY)
    for turn in turns(first, count):
        sink.apply(turn)
        clock.advance(1)
        sink.tick()
    sink.close()


def rows(folder: Path) -> dict[str, int]:
    database = sqlite3.connect(folder / "streamsel.db")
    tables = ("frames", "events", "kept", "embeddings")
    counts = {t: database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}
    (damage,) = database.execute("PRAGMA integrity_check").fetchone()
    loose = database.execute("PRAGMA foreign_key_check").fetchall()
    database.close()
    assert (damage, loose) == ("ok", [])
    return counts


def test_old_verdicts_are_forgotten_and_what_is_kept_stays_explained(tmp_path: Path) -> None:
    run(tmp_path, 0, 200)
    with Record.open(tmp_path) as record:
        live = [one.key for one in record.kept()]
        assert len(live) == 20 + 9
        for key in live:
            (told,) = [change for change in record.changes(key) if change.kind == "kept"]
            assert (told.reason, told.key) == ("novel", key)
            assert record.embedding(key) is not None
        decided = [decision.key.index for decision in record.decisions()]
        newest = 200 * TURN - 1
        remembered = [index for index in decided if FrameKey("gate", index) not in live]
        assert len(remembered) >= HISTORY - len(live)
        assert len(remembered) <= HISTORY + 6 * TURN + 10
        assert set(range(newest - HISTORY + 20, newest + 1)) <= set(decided)
        went = FrameKey("gate", (200 - 1 - 10) * TURN)
        assert [change.kind for change in record.changes(went)] == ["kept", "evicted"]
        assert list(record.changes(FrameKey("gate", 100))) == []


def test_a_frame_that_was_kept_for_long_is_explained_for_a_while_after_it_went(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    sink = opened(tmp_path, clock, history=HISTORY)
    old = FrameKey("gate", 0)
    for at, turn in enumerate(turns(0, 70)):
        sink.apply(turn)
        if at == 40:
            sink.apply(judged(changes=[evicted(old, FrameKey("gate", 4_000), "over-budget")]))
        clock.advance(1)
        sink.tick()
        with Record.open(tmp_path) as record:
            kinds = [change.kind for change in record.changes(old)]
        if at < 40:
            assert kinds == ["kept"]
        elif at < 40 + HISTORY // TURN:
            assert kinds == ["kept", "evicted"]
    assert kinds == []
    sink.close()


def test_a_database_does_not_grow_for_ever(tmp_path: Path) -> None:
    sizes, counts = [], []
    for first in range(0, 300, 50):
        run(tmp_path, first, 50)
        sizes.append((tmp_path / "streamsel.db").stat().st_size)
        counts.append(rows(tmp_path))
    kept_by_then = [10 + 5 * n for n in range(1, 7)]
    for found, alive in zip(counts, kept_by_then, strict=True):
        assert found["frames"] <= HISTORY + 6 * TURN + alive + 30
        assert found["kept"] <= alive + 40
        assert found["events"] <= 2 * alive + 100
        assert found["embeddings"] <= alive + 40
    assert sizes[-1] < 1.25 * sizes[1]


def test_what_was_forgotten_stays_so_with_a_longer_history_and_shrinks_with_a_shorter(
    tmp_path: Path,
) -> None:
    run(tmp_path, 0, 50)
    before = rows(tmp_path)["frames"]
    clock = ManualClock()
    sink = opened(tmp_path, clock, history=100)
    for _ in range(2):
        clock.advance(5)
        sink.tick()
    sink.close()
    assert before > HISTORY
    assert rows(tmp_path)["frames"] <= 100 + 15
