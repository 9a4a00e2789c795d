"""A video on standard input, lists of inputs, and the room that a run needs."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import streamsel
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.errors import ConfigurationError, FolderInUseError, SourceError
from streamsel.wiring.selection import build_selection
from streamsel.wiring.standard_input import StandardInput
from tests.end_to_end.conftest import manifest
from tests.sources.media import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "walk.mp4", frames=40)


class Pipe(io.BytesIO):
    """What was piped in; ``isatty`` says whether it is a terminal."""

    def __init__(self, content: bytes, *, is_terminal: bool = False) -> None:
        super().__init__(content)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Pipe:
    pipe = Pipe(content)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe))
    return pipe


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_piped_video_is_selected_from_as_a_file_is(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    piped(monkeypatch, clip.read_bytes())
    kept = tmp_path / "kept"
    inputs: list[str | Path] = ["-", clip] if jobs > 1 else ["-"]
    selection = streamsel.select(inputs, count=4, per_input=True, output=kept, jobs=jobs)
    lines = [line for line in manifest(kept) if line["feed"] == "stdin"]
    alone = streamsel.select(clip, count=4)
    assert [line["index"] for line in lines] == [frame.index for frame in alone.frames]
    assert {(line["source"], line["display_name"]) for line in lines} == {
        ("standard input", "standard input")
    }
    assert not selection.summary.errors
    assert {path.name for path in kept.iterdir()} == {"frames", "manifest.jsonl", "streamsel.db"}


def test_the_commands_take_a_pipe_and_a_list(clip: Path, tmp_path: Path) -> None:
    def run(*arguments: object, given: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "streamsel", *map(str, arguments)]
        return subprocess.run(command, input=given, capture_output=True, check=False)

    ended = run("select", "-", "-n", 3, "-o", tmp_path / "kept", given=clip.read_bytes())
    assert ended.returncode == 0, ended.stderr
    assert len(manifest(tmp_path / "kept")) == 3
    again = run("select", "-", "-n", 3, "-o", tmp_path / "kept", "--resume", given=b"")
    assert again.returncode == 2
    assert b"--resume cannot continue it" in again.stderr
    listed = run("select", "--from-file", "-", "-n", 3, "--dry-run", given=f"{clip}\0".encode())
    assert listed.returncode == 0, listed.stderr
    assert b"would read 1 input, 40 frames" in listed.stdout
    compared = run("compare", "-", "-n", 3, "--json", given=clip.read_bytes())
    assert compared.returncode == 0, compared.stderr
    assert b'"input": "stdin"' in compared.stdout


def test_nothing_is_read_where_the_run_cannot_be(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamsel.select(clip, count=2, output=tmp_path / "kept")
    pipe = piped(monkeypatch, clip.read_bytes())
    with pytest.raises(FolderInUseError, match="holds a run"):
        streamsel.select("-", count=2, output=tmp_path / "kept")
    with pytest.raises(ConfigurationError, match="--resume cannot continue it"):
        streamsel.select("-", count=2, output=tmp_path / "kept", resume=True)
    with pytest.raises(ConfigurationError, match="give it once"):
        streamsel.select(["-", "-"], count=2, output=tmp_path / "new")
    assert pipe.tell() == 0
    assert not (tmp_path / "new").exists()


def test_what_is_no_video_leaves_a_folder_that_can_be_used(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, b"")
    with pytest.raises(SourceError, match="standard input is empty"):
        streamsel.select("-", count=2, output=tmp_path / "kept")
    piped(monkeypatch, b"no video")
    selection = streamsel.select("-", count=2, output=tmp_path / "kept")
    assert "standard input cannot be read as video" in selection.summary.errors["stdin"]
    again = streamsel.select(clip, count=2, output=tmp_path / "kept")
    assert len(again.frames) == 2


def test_it_is_bounded_by_what_the_disk_can_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=1 << 20)
    monkeypatch.setattr("streamsel.wiring.standard_input.shutil.disk_usage", lambda _: usage)
    with pytest.raises(SourceError, match="more than 943,718 bytes"):
        StandardInput(tmp_path, Pipe(bytes(1 << 20)))
    held = StandardInput(tmp_path, Pipe(bytes(900_000)))
    assert Path(held.location).stat().st_size == 900_000
    held.close()
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a terminal"):
        StandardInput(tmp_path, Pipe(b"", is_terminal=True))


def test_the_room_that_a_run_needs_is_estimated_before_it(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RunOptions(select=SelectOptions(count=10))
    run = build_selection([str(clip)], options, tmp_path / "kept")
    run.sink.close()
    assert run.room is not None
    assert (run.room.pictures, run.room.frames, run.room.is_short) == (10, 40, False)
    selection = streamsel.select(clip, count=10, output=tmp_path / "done")
    wrote = sum(path.stat().st_size for path in selection.folder.rglob("*") if path.is_file())
    assert run.room.needed / 4 < wrote - 120_000 < 4 * run.room.needed
    monkeypatch.setattr("streamsel.record.files.free_bytes", lambda _: 1_000)
    short = build_selection([str(clip)], options, tmp_path / "short")
    short.sink.close()
    assert short.room is not None
    assert short.room.is_short
    assert "make room" in str(short.room)
