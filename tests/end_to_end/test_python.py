"""``streamsel.select`` and its result, as a program uses them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import streamsel as package
from streamsel.cli.selection import RunOutcome
from streamsel.config.options import ReadOptions, RunOptions, SelectOptions
from streamsel.errors import ConfigurationError, RecordError
from streamsel.report.summary import summarise
from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.conftest import manifest
from tests.end_to_end.test_resume import interrupt


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    render_demo(folder / "a.mp4", seconds=3, size=(160, 90))
    return folder


def test_inputs_that_cannot_be_opened_are_in_the_summary(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("not a video")
    gone = str(tmp_path / "nowhere.mp4")
    secret = "ftp://camera:canary@10.0.0.4/clip.mp4"
    inputs: list[str | Path] = [clips / "a.mp4", tmp_path / "broken.mp4", gone, secret]
    selection = package.select(inputs, count=3, output=tmp_path / "kept")
    masked = next(name for name in selection.summary.errors if name.startswith("ftp"))
    assert set(selection.summary.errors) == {"broken", gone, masked}
    assert "does not exist" in selection.summary.errors[gone]
    assert "canary" not in str(selection.summary.errors)
    assert package.Selection(tmp_path / "kept").summary.errors == selection.summary.errors
    again = package.select(inputs[:2], count=3, output=tmp_path / "kept", resume=True)
    assert set(again.summary.errors) == {"broken"}


def test_a_result_is_opened_by_its_path(clips: Path, tmp_path: Path) -> None:
    selection = package.select(clips / "a.mp4", count=3, output=tmp_path / "kept")
    opened = package.Selection(str(tmp_path / "kept"))
    assert opened.frames == selection.frames
    assert opened.folder == tmp_path / "kept"
    with pytest.raises(RecordError, match="holds no run"):
        package.Selection(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("inputs", 5, "inputs is 5; it must be str or"),
        ("inputs", [1], "inputs is"),
        ("count", "5", "count is '5'; it must be int or None"),
        ("count", 2.5, "count is 2.5"),
        ("count", True, "count is True"),
        ("share", "20%", "share is '20%'; it must be float or None"),
        ("start", "1m", "start is '1m'"),
        ("format", "gif", "format is 'gif'; it must be jpg or png"),
        ("method", 3, "method is 3; it must be online or"),
        ("near_duplicate", "some", "near_duplicate is 'some'; it must be float or auto"),
        ("output", 3, "output is 3"),
        ("resume", "yes", "resume is 'yes'; it must be bool"),
        ("jobs", "2", "jobs is '2'; it must be int"),
        ("embeddings", 7, "embeddings is 7"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name: str, value: Any, said: str) -> None:
    arguments = {"inputs": "nowhere.mp4", name: value}
    with pytest.raises(ConfigurationError, match=said):
        package.select(**arguments)


@pytest.mark.parametrize(
    "wrong", [{"floor": "0"}, {"window": "1h"}, {"safety": None}, {"hysteresis": True}]
)
def test_a_coreset_of_the_wrong_types_is_refused_by_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=f"{name} is .*; it must be a number"):
        package.Coreset(capacity=2, dim=3, **wrong)


def test_a_folder_of_the_wrong_type_is_refused() -> None:
    wrong: Any = 5
    with pytest.raises(ConfigurationError, match="folder is 5; it must be str or"):
        package.Selection(wrong)


def test_an_interrupted_run_claims_no_more_pictures_than_there_are(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    options = RunOptions(
        read=ReadOptions(decode="fast"),
        select=SelectOptions(count=8, look_ahead=1, near_duplicate=0.0),
    )
    # Pictures that were only looked at are decoded again at the end.
    interrupt(clips, "a", kept, 30, options)
    summary = summarise(kept)
    pictures = len(list((kept / "frames").rglob("*.jpg"))) if (kept / "frames").exists() else 0
    assert summary.kept == pictures == len(manifest(kept))
    assert summary.unwritten > 0
    RunOutcome(summary, complete=False).print(verbose=False, to=sys.stdout)
    said = capsys.readouterr().out
    assert f"kept {pictures} of " in said
    assert f"{summary.unwritten} more are kept, without stored pictures" in said
    assert "interrupted; continue with --resume" in said


@pytest.mark.parametrize(
    ("asked", "sees_all"),
    [
        ({}, True),
        ({"decode": "fast"}, True),
        ({"decode": "keyframes"}, False),
        ({"fps": 5.0}, False),
    ],
)
def test_a_radius_is_claimed_for_the_frames_that_were_looked_at(
    clips: Path, asked: dict[str, Any], sees_all: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = package.select(clips / "a.mp4", count=2, **asked).summary
    assert summary.sees_all == summary.as_json()["sees_all"] == sees_all
    RunOutcome(summary, complete=True).print(verbose=False, to=sys.stdout)
    said = capsys.readouterr().out
    assert ("every frame within" in said) == sees_all
    assert ("every decoded frame within" in said) != sees_all
