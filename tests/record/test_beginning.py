"""A record is there whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from streamsel.errors import DiskFullError
from streamsel.record.beginning import begin, remove_unborn, unborn_names
from streamsel.record.reader import Record
from tests.sinks.streams import plan


def test_a_new_record_holds_the_plan_and_nothing_is_left_of_its_making(tmp_path: Path) -> None:
    for name in unborn_names():
        (tmp_path / name).write_bytes(b"left by a crash")
    (tmp_path / min(unborn_names(), key=len)).unlink()
    begin(tmp_path, plan(seed=7), 5.0)
    with Record.open(tmp_path) as record:
        run = record.run()
    assert (run.status, run.started, run.plan.seed) == ("running", 5.0, 7)
    assert [feed.name for feed in run.plan.feeds] == ["walk", "yard"]


def test_a_record_that_cannot_be_begun_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskFullError):
        begin(tmp_path, plan(), 5.0)
    assert os.listdir(tmp_path) == []


def test_what_never_began_is_removed_whether_there_is_some_or_none(tmp_path: Path) -> None:
    remove_unborn(tmp_path)
    for name in unborn_names():
        (tmp_path / name).touch()
    (tmp_path / "streamsel.db").touch()
    remove_unborn(tmp_path)
    assert os.listdir(tmp_path) == ["streamsel.db"]
