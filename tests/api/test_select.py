"""A selection from Python is the selection of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamsel
from streamsel.api.select import select_inputs
from streamsel.cli.select import command
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.conftest import manifest

ASKED: dict[str, Any] = {"count": 4, "near_duplicate": 0.1, "format": "png", "size": "80x"}


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    """A clip, and a file that is none."""
    render_demo(tmp_path / "a.mp4", seconds=2, size=(160, 90))
    (tmp_path / "broken.mp4").write_text("not a video")
    return [str(tmp_path / "a.mp4"), str(tmp_path / "broken.mp4")]


def test_the_same_is_kept_and_told(inputs: list[str], tmp_path: Path) -> None:
    options = [
        word for name, value in ASKED.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    typed = CliRunner().invoke(
        command, [*inputs, *map(str, options), "-o", str(tmp_path / "typed"), "--json"]
    )
    called = streamsel.select(inputs, output=tmp_path / "called", **ASKED)
    assert manifest(tmp_path / "typed") == manifest(tmp_path / "called")
    told: dict[str, Any] = json.loads(typed.stdout)
    summary: dict[str, Any] = called.summary.as_json()
    assert told.pop("errors") == list(summary.pop("errors").values())
    differs = ("folder", "seconds")
    assert {name: value for name, value in told.items() if name not in differs} == {
        name: value for name, value in summary.items() if name not in differs
    }
    assert "broken.mp4 cannot be read as video" in typed.stderr


def test_what_is_said_on_the_way_is_said_to_any_display(inputs: list[str], tmp_path: Path) -> None:
    display = Display()
    (tmp_path / "notes.txt").touch()
    selection = select_inputs(
        [str(tmp_path), "gone.mp4"],
        RunOptions(select=SelectOptions(count=2)),
        tmp_path / "kept",
        progress=display,
        verbose=True,
    )
    assert selection.complete
    assert display.begun_with == 0
    assert sum("gone.mp4: does not exist" in one for one in display.problems) >= 1
    assert sum("broken.mp4" in one for one in display.problems) >= 1
    assert any("1 .txt" in one for one in display.notices)
    assert any("needs about" in one for one in display.notices)


class Display:
    """A display that remembers."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.problems: list[str] = []
        self.begun_with: int | None = None

    def start_from(self, kept: int) -> None:
        self.begun_with = kept

    def say(self, text: str) -> None:
        self.notices.append(text)

    def complain(self, text: str) -> None:
        self.problems.append(text)

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        return

    def seen(self, prefiltered_frames: object) -> None:
        return

    def judged(self, verdicts: object) -> None:
        return

    def feed_ended(self, report: object) -> None:
        return
