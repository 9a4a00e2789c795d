"""``select --dry-run``: what would be done is said as it would be, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamsel as package
from streamsel.cli.select import command
from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.conftest import manifest


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 2), ("b", 3)):
        render_demo(folder / f"{name}.mp4", seconds=seconds, size=(160, 90))
    return folder


def foreseen(*arguments: object) -> Any:
    runner = CliRunner()
    ended = runner.invoke(
        command, [*map(str, arguments), "--dry-run", "--json"], standalone_mode=False
    )
    if ended.exception is not None:
        raise ended.exception
    return {**json.loads(ended.stdout), "code": ended.return_value}


def text(*arguments: object) -> str:
    ended = CliRunner().invoke(command, [*map(str, arguments), "--dry-run"], standalone_mode=False)
    assert ended.exception is None, ended.exception
    return ended.stdout


def test_what_is_foreseen_is_what_comes(clips: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    told = foreseen(clips, "-n", 6, "--format", "png", "-o", kept)
    assert list(tmp_path.iterdir()) == []
    selection = package.select(clips, count=6, format="png", output=kept)
    assert (told["code"], told["errors"]) == (0, [])
    assert told["frames"] == selection.summary.frames == 75
    assert [(one["feed"], one["frames"]) for one in told["inputs"]] == [("a", 30), ("b", 45)]
    assert {(one["width"], one["height"]) for one in told["inputs"]} == {(160, 90)}
    assert (told["count"], told["method"], told["use"]) == (6, "online", "new")
    assert told["embedder"] == selection.summary.embedder["name"]
    assert told["options"]["write"]["format"] == "png"
    written = sum(line["bytes"] for line in manifest(kept))
    assert written / 4 < told["bytes"]["pictures"] < written * 4
    record = (kept / "streamsel.db").stat().st_size
    assert record / 4 < told["bytes"]["record"] < record * 4
    assert told["bytes"]["free"] > 0


def test_the_count_is_that_of_each_input_or_of_all(clips: Path) -> None:
    assert foreseen(clips, "--share", "20%")["count"] == 15
    assert foreseen(clips, "-n", 40, "--per-input")["count"] == 30 + 40
    assert foreseen(clips, "-n", 400)["count"] == 75
    assert foreseen(clips, "-n", 4, "--vf", "fps=3")["frames"] is None


def test_what_becomes_of_a_folder_is_said_and_nothing_is_touched(
    clips: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    package.select(clips / "a.mp4", count=3, output=kept)
    before = {path: path.stat().st_mtime_ns for path in sorted(kept.rglob("*"))}
    one, arguments = clips / "a.mp4", ("-n", 3, "-o", kept)
    assert foreseen(one, *arguments, "--resume")["use"] == "resumed"
    assert foreseen(one, clips / "b.mp4", *arguments, "--resume")["use"] == "resumed"
    assert foreseen(one, *arguments, "--overwrite")["use"] == "replaced"
    with pytest.raises(FolderInUseError, match="--resume"):
        foreseen(one, *arguments)
    with pytest.raises(ConfigurationError, match="count was 3 and is 4"):
        foreseen(one, "-n", 4, "-o", kept, "--resume")
    assert {path: path.stat().st_mtime_ns for path in sorted(kept.rglob("*"))} == before


def test_what_cannot_be_read_is_said(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("not a video")
    arguments = (clips / "a.mp4", tmp_path / "broken.mp4", tmp_path / "nowhere.mp4", "-n", 3)
    told = foreseen(*arguments)
    assert told["code"] == 1
    assert [one["error"] is None for one in told["inputs"]] == [True, False]
    assert ["broken.mp4" in told["errors"][1], "nowhere.mp4" in told["errors"][0]] == [True, True]
    said = text(*arguments, "--decode", "keyframes", "-o", tmp_path / "kept")
    assert "would read 1 input, 30 frames\n  a: " in said
    assert "30 frames of 160x90\n" in said
    assert (
        "would keep at most 3, online, by builtin, as jpg\n  with decode keyframes, count 3" in said
    )
    assert f"into {tmp_path / 'kept'}: a new run; " in said
    assert f"cannot be read: {tmp_path / 'nowhere.mp4'}: does not exist" in said
    assert said.endswith("nothing was written\n")
    assert not (tmp_path / "kept").exists()
