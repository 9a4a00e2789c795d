"""Which folders a service takes, and what it makes of them after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from streamsel.record.values import FeedPlan
from streamsel.testing import ManualClock
from tests.sinks import streams
from tests.sinks.live_streams import (
    files,
    keeping,
    opened,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def recorded(folder: Path) -> tuple[list[str], int]:
    """What another process reads: the frames kept, in order, and how many rows there are."""
    with Record.open(folder) as record:
        return [str(one.key) for one in record.kept()], len(list(record.decisions()))


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_a_folder_is_made_whole_after_a_crash(tmp_path: Path, clock: ManualClock) -> None:
    sink = opened(tmp_path, clock)
    for index in (1, 2, 3):
        sink.apply(keeping(index))
    sink.close()
    one, two, three = sorted(files(tmp_path))
    (tmp_path / one).write_bytes(b"torn")
    (tmp_path / two).unlink()
    hour = (tmp_path / three).parent
    orphans = [
        hour / "20270115T080100.000000Z_gate-000099.jpg",
        hour / ".20270115T080101.000000Z_gate-000098.jpg.part",
        hour.with_name("07") / "20270115T070101.000000Z_gate-000097.jpg",
    ]
    strangers = [
        hour / "notes.txt",
        hour / "20270115T080100.000000Z_yard-000099.jpg",
        hour / "20270115T080100Z_gate-000099.jpg",
        tmp_path / "frames" / "hall" / "2027-01-15" / "08" / orphans[0].name,
    ]
    for path in (*orphans, *strangers):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    again = opened(tmp_path, clock)
    assert again.lost() == [FrameKey("gate", 1), FrameKey("gate", 2)]
    assert again.lost() == []
    assert not any(path.exists() for path in orphans)
    assert not orphans[-1].parent.exists()
    assert all(path.exists() for path in strangers)
    assert again.stored_bytes == 1_000
    again.close()
    assert [line["id"] for line in manifest(tmp_path)] == ["gate-000003"]
    third = opened(tmp_path, clock)
    assert third.lost() == [FrameKey("gate", 1), FrameKey("gate", 2)]
    third.close()


def test_a_folder_of_another_kind_is_refused_and_left_alone(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = tmp_path / "run"
    sink = streams.opened(run)
    sink.apply(streams.turn(list(streams.verdicts())[:9]))
    streams.end(sink)
    with pytest.raises(FolderInUseError, match="holds a run over files"):
        opened(run)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(FolderInUseError, match=r"thesis\.txt"):
        opened(tmp_path / "mine")
    opened(tmp_path / "live").close()
    with pytest.raises(FolderInUseError, match="holds a run"):
        streams.opened(tmp_path / "live")


def test_a_run_that_never_read_a_frame_does_not_keep_a_service_from_its_folder(
    tmp_path: Path, clock: ManualClock
) -> None:
    streams.end(streams.opened(tmp_path))
    opened(tmp_path, clock).close()
    with Record.open(tmp_path) as record:
        assert record.run().plan.method == "live"
    opened(tmp_path, clock).close()
    with pytest.raises(FolderInUseError, match="holds a run"):
        streams.opened(tmp_path)


def test_a_folder_is_kept_to_one_service_and_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = opened(tmp_path)
    with pytest.raises(FolderInUseError, match="another process"):
        opened(tmp_path)
    sink.close()
    sink.close()
    plan = streams.plan
    monkeypatch.setattr(streams, "plan", lambda **given: plan(**given, embedder_digest="ff00"))
    with pytest.raises(ConfigurationError, match="distances cannot be compared"):
        opened(tmp_path)


def test_a_feed_keeps_its_frames_when_it_is_no_longer_configured(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = opened(tmp_path, clock)
    sink.apply(keeping(1))
    sink.close()
    plan = streams.plan
    fewer = {"feeds": [FeedPlan("yard", "yard")]}
    monkeypatch.setattr(streams, "plan", lambda **given: plan(**given | fewer))
    opened(tmp_path, clock).close()
    assert recorded(tmp_path)[0] == ["gate-000001"]


def test_a_record_can_be_thrown_away_with_all_that_is_ours(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sink = opened(folder)
    sink.apply(keeping(1))
    sink.tick()
    sink.close()
    (folder / "frames/gate/mine.txt").write_text("")
    streams.end(streams.opened(folder, overwrite=True))
    left = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    assert left == ["frames/gate/mine.txt", "manifest.jsonl", "streamsel.db"]
