"""Days that are put right when a machine's clock is set: rows, files and the manifest agree."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.clock import Correction
from streamsel.decisions import Event, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.frame import Frame, FrameKey
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
    kept,
    opened,
    verdict,
)
from tests.sinks.test_durable import Disk

DOUBT = BEGIN + 10 * FRAME_SECONDS
"""Frames from here on were received in doubt."""
YEAR = 365 * 86_400.0
CORRECTION = Correction(DOUBT - 1, DOUBT + 5 * FRAME_SECONDS, YEAR)


def keeping(this: Frame, *gone: int) -> SelectionUpdate:
    events: tuple[Event, ...] = (kept(this), *(evicted(FrameKey("gate", index)) for index in gone))
    return judged(verdict(this, "kept", events))


def paths(folder: Path) -> dict[int, str]:
    with closing(sqlite3.connect(folder / "streamsel.db")) as record:
        return dict(record.execute("SELECT idx, path FROM kept WHERE live ORDER BY idx"))


def times(folder: Path) -> dict[int, float]:
    with closing(sqlite3.connect(folder / "streamsel.db")) as record:
        return dict(record.execute("SELECT idx, wall_time FROM frames ORDER BY idx"))


def pictures(folder: Path) -> set[str]:
    return {path for path in files(folder) if path.startswith("frames/")}


@pytest.fixture
def sink(tmp_path: Path) -> LiveDiskSink:
    """A folder with a frame of before, two of the doubt, and one of after."""
    clock = ManualClock()
    made = opened(tmp_path, clock)
    for index in (3, 10, 12, 20):
        made.apply(keeping(frame(index)))
    return made


def test_what_was_received_in_doubt_moves_to_its_day_and_nothing_else(
    sink: LiveDiskSink, tmp_path: Path
) -> None:
    before = paths(tmp_path)
    assert sink.newest_time() == BEGIN + 20 * FRAME_SECONDS
    assert sink.put_right(CORRECTION) == 2
    after = paths(tmp_path)
    assert {index for index in after if after[index] != before[index]} == {10, 12}
    assert times(tmp_path) == {
        index: BEGIN + index * FRAME_SECONDS + (YEAR if index in (10, 12) else 0)
        for index in (3, 10, 12, 20)
    }
    for index, path in after.items():
        moved = replace(frame(index), wall_time=times(tmp_path)[index])
        assert path == sink._pictures.path(moved)
        assert (tmp_path / path).read_bytes() == content(FrameKey("gate", index), 1_000)
    assert pictures(tmp_path) == set(after.values())
    # Once is enough.
    assert sink.put_right(CORRECTION) == 0
    assert paths(tmp_path) == after
    sink.close()
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert {line["path"] for line in map(json.loads, lines)} == set(after.values())
    again = opened(tmp_path)
    assert again.lost() == []
    assert paths(tmp_path) == after
    again.close()


def test_a_frame_that_comes_back_under_its_old_time_is_put_right_too(
    sink: LiveDiskSink, tmp_path: Path
) -> None:
    late = frame(11)
    sink.apply(judged(verdict(late)))
    sink.put_right(CORRECTION)
    sink.apply(judged(changes=(kept(late, "recalled"),)))
    wrong = paths(tmp_path)[11]
    assert sink.put_right(CORRECTION) == 1
    assert paths(tmp_path)[11] != wrong
    assert pictures(tmp_path) == set(paths(tmp_path).values())
    sink.close()


def test_a_small_correction_is_made_once(sink: LiveDiskSink, tmp_path: Path) -> None:
    # So small that the times that are put right lie among those of the doubt.
    small = replace(CORRECTION, seconds=FRAME_SECONDS)
    sink.put_right(small)
    right = times(tmp_path)
    assert right[10] == BEGIN + 11 * FRAME_SECONDS
    assert sink.put_right(small) == 0
    assert times(tmp_path) == right
    sink.close()


@pytest.mark.parametrize(("seconds", "moved"), [(0.0009, 0), (0.001, 2), (-0.0009, 0), (-0.001, 2)])
def test_what_is_off_by_less_than_a_millisecond_keeps_its_name(
    sink: LiveDiskSink, tmp_path: Path, seconds: float, moved: int
) -> None:
    before = paths(tmp_path)
    assert sink.put_right(replace(CORRECTION, seconds=seconds)) == moved
    assert len(before.items() - paths(tmp_path).items()) == moved
    sink.close()


@pytest.mark.parametrize("links", [True, False])
def test_new_names_are_safe_from_a_power_cut_when_they_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    disk = Disk(monkeypatch)
    made = opened(tmp_path)
    made.apply(keeping(frame(10)))
    recorded: list[str] = []

    def watch(names: Mapping[str, str]) -> None:
        assert all(disk.holds(tmp_path / name, tmp_path) for name in names.values())
        recorded.extend(names.values())
        rename(names)

    rename = made._record.rename
    monkeypatch.setattr(made._record, "rename", watch)
    if not links:
        monkeypatch.setattr(os, "link", refuse_to_link)
    assert made.put_right(CORRECTION) == 1
    assert recorded == [paths(tmp_path)[10]]
    made.close()


def refuse_to_link(source: Path, target: Path) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_where_a_file_has_one_name_alone_it_is_copied(
    sink: LiveDiskSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse_to_link)
    assert sink.put_right(CORRECTION) == 2
    assert pictures(tmp_path) == set(paths(tmp_path).values())
    sink.close()


def test_a_disk_that_fails_on_the_way_loses_nothing_and_is_tried_again(
    sink: LiveDiskSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = sink._record
    with monkeypatch.context() as failing:

        def fail(paths: object) -> None:
            raise SinkError("disk: cannot be written")

        failing.setattr(record, "rename", fail)
        with pytest.raises(SinkError):
            sink.put_right(CORRECTION)
        assert all((tmp_path / path).is_file() for path in paths(tmp_path).values())
    assert sink.put_right(CORRECTION) == 2
    assert pictures(tmp_path) == set(paths(tmp_path).values())
    sink.close()


def test_a_name_that_is_given_again_is_not_removed_though_it_was_given_up(
    sink: LiveDiskSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = paths(tmp_path)
    with monkeypatch.context() as failing:

        def refuse(folder: Path, path: str) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        failing.setattr("streamsel.sinks.pictures.remove_stored", refuse)
        assert sink.put_right(CORRECTION) == 2
        assert pictures(tmp_path) == {*before.values(), *paths(tmp_path).values()}
    back = Correction(CORRECTION.after + YEAR, CORRECTION.until + YEAR, -YEAR)
    assert sink.put_right(back) == 2
    assert paths(tmp_path) == before
    assert pictures(tmp_path) == set(before.values())
    sink.close()
