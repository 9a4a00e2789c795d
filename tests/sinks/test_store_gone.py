"""What is kept of feeds that are gone: listed, and removed whole, whatever kills the process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from streamsel.cli.main import cli
from streamsel.config.schema import Config
from streamsel.decisions import SelectionUpdate
from streamsel.errors import ConfigurationError, FolderInUseError, FolderLockedError, RecordError
from streamsel.frame import Frame, FrameKey
from streamsel.record.reader import Record
from streamsel.record.values import GoneScope
from streamsel.runtime.service_run import LivePipeline
from streamsel.service.operations import Operations
from streamsel.sinks.clips import ClipSink
from streamsel.sinks.forgetting import find_gone, remove_gone
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock
from streamsel.wiring.service import LiveParts
from tests.sinks import streams
from tests.sinks.live_streams import evicted, files, frame, judged, opened, verdict
from tests.sinks.test_full_disk import fill
from tests.stand_ins import as_a

ROOT = Path(__file__).parents[2]
YARD = GoneScope("yard", ("yard",), 4, 4_000)


def filled(sink: LiveDiskSink) -> None:
    """Keep three frames of the gate and four of the yard, which is gone then."""
    for index in range(1, 5):
        if index < 4:
            sink.apply(judged(verdict(frame(index), "kept"), verdict(frame(index + 10))))
        sink.apply(judged(verdict(frame(index, "yard"), "kept"), scope="yard"))
    sink.set_pinned(FrameKey("yard", 2), True)
    sink.reserve({"yard": 100})
    sink.select_into(["gate"])


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[LiveDiskSink]:
    made = opened(tmp_path, max_bytes=100_000)
    filled(made)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = opened(tmp_path / "kept", max_bytes=100_000)
    filled(made)
    made.close()
    return tmp_path / "kept"


def removal(keys: Sequence[FrameKey]) -> SelectionUpdate:
    changes = tuple(evicted(key, reason="removed") for key in keys)
    return SelectionUpdate("yard", (), changes, b"", frozenset())


def with_clips(folder: Path) -> list[Path]:
    """Lay a clip beside each picture."""
    clips = []
    for path in files(folder):
        clip = folder / "clips" / Path(path).relative_to("frames").with_suffix(".mp4")
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.write_bytes(b"clip")
        clips.append(clip)
    return clips


def gone(folder: Path) -> list[GoneScope]:
    with Record.open(folder) as record:
        return record.gone()


def kept(folder: Path) -> list[str]:
    with Record.open(folder) as record:
        return [str(one.key) for one in record.kept()]


def test_what_is_selected_into_no_more_is_listed(tmp_path: Path, sink: LiveDiskSink) -> None:
    assert gone(tmp_path) == [YARD]
    sink.select_into(["gate", "yard"])
    assert gone(tmp_path) == []
    sink.select_into([])
    assert [one.scope for one in gone(tmp_path)] == ["gate", "yard"]


def test_the_frames_of_a_group_are_listed_with_its_feeds(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    turns = [judged(verdict(frame(1, feed), "kept"), scope="both") for feed in ("gate", "yard")]
    for turn in turns:
        sink.apply(turn)
    sink.select_into(["gate", "yard"])
    sink.close()
    assert gone(tmp_path) == [GoneScope("both", ("gate", "yard"), 2, 2_000)]


def test_nothing_is_called_gone_before_it_was_said_what_is_not(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    sink.apply(judged(verdict(frame(1), "kept")))
    sink.close()
    assert gone(tmp_path) == []


def test_what_is_removed_leaves_nothing_and_no_number_is_given_again(
    tmp_path: Path, sink: LiveDiskSink
) -> None:
    others = {path: digest for path, digest in files(tmp_path).items() if "/gate/" in path}
    keys = [FrameKey("yard", index) for index in range(1, 5)]
    sink.apply(removal(keys))
    assert files(tmp_path) == others
    assert sink.selection("yard") is None
    sink.erase(keys)
    assert gone(tmp_path) == []
    assert kept(tmp_path) == ["gate-000001", "gate-000002", "gate-000003"]
    with Record.open(tmp_path) as record:
        assert {one.key.feed for one in record.decisions()} == {"gate"}
        assert {one.key.feed for one in record.changes()} == {"gate"}
        assert record.embedding(FrameKey("yard", 2)) is None
    assert sink.stored_bytes == 3_000
    assert sink.next_index("yard") == 100
    assert sink.selection("gate") == b"state"


def test_what_is_gone_makes_room_on_a_full_disk(small_disk: Path) -> None:
    sink = opened(small_disk / "kept")
    filled(sink)
    fill(small_disk, 0)
    keys = [one.frame.key for one in sink.kept_candidates("yard")]
    sink.apply(removal(keys))
    sink.erase(keys)
    assert all("/gate/" in path for path in files(small_disk / "kept"))
    assert gone(small_disk / "kept") == []
    sink.close()


def test_frames_that_are_kept_are_not_erased(tmp_path: Path, sink: LiveDiskSink) -> None:
    sink.erase([FrameKey("gate", 1), FrameKey("gate", 11)])
    assert "gate-000001" in kept(tmp_path)
    with Record.open(tmp_path) as record:
        assert record.embedding(FrameKey("gate", 1)) is not None
        assert len(list(record.decisions(FrameKey("gate", 11)))) == 1


def test_a_stopped_service_loses_what_is_gone_and_its_clips(folder: Path) -> None:
    clips = with_clips(folder)
    assert remove_gone(folder, ["yard"]) == [YARD]
    assert [clip for clip in clips if clip.exists()] == [
        one for one in clips if "gate" in one.parts
    ]
    assert all("/gate/" in path for path in files(folder))
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == kept(folder)
    with Record.open(folder) as record:
        options = record.statistics()["options"]
        assert isinstance(options, dict)
        assert options["max_bytes"] == 100_000
        assert record.run().status == "complete"
    again = opened(folder)
    assert (again.lost(), again.stored_bytes, again.next_index("yard")) == ([], 3_000, 100)
    again.close()


def test_a_running_service_removes_the_clips_too(tmp_path: Path, sink: LiveDiskSink) -> None:
    clips = with_clips(tmp_path)
    cutter = ClipSink(tmp_path, {}, ManualClock())
    cutter.apply(removal([one.frame.key for one in sink.kept_candidates("yard")]))
    assert [clip for clip in clips if clip.exists()] == [
        one for one in clips if "gate" in one.parts
    ]
    cutter.close()


def test_what_is_not_gone_is_not_removed(tmp_path: Path, folder: Path) -> None:
    before = files(folder)
    with pytest.raises(ConfigurationError, match=r"'gate' is no feed .* there are yard"):
        remove_gone(folder, ["yard", "gate"])
    running = opened(folder, ManualClock())
    with pytest.raises(FolderLockedError, match="DELETE /api/gone/NAME"):
        remove_gone(folder, ["yard"])
    running.close()
    assert files(folder) == before
    with pytest.raises(RecordError):
        remove_gone(tmp_path / "nowhere", ["yard"])
    assert not (tmp_path / "nowhere").exists()


def test_a_run_over_files_has_nothing_that_is_gone(tmp_path: Path) -> None:
    streams.end(streams.opened(tmp_path))
    assert gone(tmp_path) == []
    with pytest.raises(FolderInUseError, match="a run over files"):
        remove_gone(tmp_path, ["walk"])


def test_killed_at_any_moment_the_folder_is_whole_and_it_can_be_asked_for_again(
    tmp_path: Path, folder: Path
) -> None:
    copies = tmp_path / "copies"
    command = [sys.executable, "-m", "tests.sinks.killed_forgetting", str(folder), "yard"]
    subprocess.run([*command, copies], cwd=ROOT, check=True)
    gates = {path: digest for path, digest in files(folder).items() if "/gate/" in path}
    before, left = files(folder), []
    for copy in sorted(copies.iterdir()):
        lying = files(copy)
        assert gates.items() <= lying.items() <= before.items()
        with Record.open(copy) as record:
            claimed = {one.picture.path for one in record.kept() if one.picture}
            assert len(list(record.kept())) == len(claimed)
        assert claimed <= lying.keys()
        left.append(len(claimed))
        if gone(copy):
            remove_gone(copy, ["yard"])
        else:
            opened(copy).close()
        assert files(copy) == gates
        assert kept(copy) == ["gate-000001", "gate-000002", "gate-000003"]
    assert left == sorted(left, reverse=True)
    assert set(left) == {7, 3}
    assert len(left) > left.index(3) + 2, "the files themselves were never on the way"


def test_the_command_says_what_would_go_and_removes_it_when_told(folder: Path) -> None:
    def run(*arguments: str) -> str:
        ended = CliRunner().invoke(cli, ["forget", str(folder), "--feed", "yard", *arguments])
        assert ended.exception is None, ended.exception
        return ended.output

    before = files(folder)
    listed = CliRunner().invoke(cli, ["inspect", str(folder)]).output
    assert "yard is gone: 4 frames of yard, 0.0 MB" in listed
    assert run() == "yard: 4 frames, 0.0 MB would go\nnothing was removed; add --yes\n"
    assert find_gone(folder, ["yard"]) == [YARD]
    assert files(folder) == before
    told = json.loads(run("--yes", "--json"))
    assert (told["removed"], told["gone"][0]["frames"]) == (True, 4)
    assert gone(folder) == []
    assert "is gone" not in CliRunner().invoke(cli, ["inspect", str(folder)]).output


class Line:
    """A line with one sink, which applies updates at once."""

    def __init__(self, sink: LiveDiskSink) -> None:
        self.scopes: dict[str, frozenset[str]] = {"hall": frozenset({"hall"})}
        self.told: list[int] = []
        self._sink = sink

    async def run_in_first_sink(self, call: Callable[[], object]) -> object:
        return call()

    async def evict(self, scope: str, frames: Sequence[Frame], reason: str) -> None:
        assert (scope, reason) == ("yard", "removed")
        self.told.append(len(frames))
        self._sink.apply(removal([frame.key for frame in frames]))


def test_much_is_removed_in_parts_and_what_is_selected_into_is_not(
    tmp_path: Path, sink: LiveDiskSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsel.service.operations._AT_ONCE", 3)
    line = Line(sink)
    config = Config.model_validate({"feeds": {"gate": {"source": "rtsp://gate"}}})
    operations = Operations(
        config, as_a(LiveParts, SimpleNamespace(store=sink)), as_a(LivePipeline, line)
    )
    for scope in ("gate", "hall"):
        with pytest.raises(ConfigurationError, match=f"'{scope}' is part of this service"):
            asyncio.run(operations.remove_gone(scope))
    assert asyncio.run(operations.remove_gone("yard")) == 4
    assert line.told == [3, 1]
    assert gone(tmp_path) == []
    assert asyncio.run(operations.remove_gone("yard")) == 0
