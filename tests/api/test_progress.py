"""The displays of progress, and which of them is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import IPython.display
import pytest

import streamsel
from streamsel.api.notebook_progress import NotebookProgress
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.decisions import FeedReport, Kept, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate
from streamsel.sources.demo.synthetic import render_demo
from streamsel.testing import ManualClock
from tests.end_to_end.conftest import manifest
from tests.end_to_end.test_resume import interrupt
from tests.runtime.live_stages import prefiltered


class Shown:
    """What IPython was asked to show below a cell: the states of its one display."""

    def __init__(self) -> None:
        self.states: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Shown:
        assert raw
        assert display_id
        assert not self.states
        self.states.append(bundle)
        return self

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.states.append(bundle)

    @property
    def text(self) -> str:
        return self.states[-1]["text/plain"]

    @property
    def html(self) -> str:
        return self.states[-1]["text/html"]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(IPython.display, "display", shown.display)
    return shown


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    render_demo(folder / "a.mp4", seconds=3, size=(160, 90))
    return folder


def test_a_notebook_shows_one_bar_that_is_renewed_a_few_times_a_second(shown: Shown) -> None:
    clock = ManualClock()
    with NotebookProgress(clock) as progress:
        assert shown.text == "opening the inputs"
        progress.feed_opened("walk <1>", 1000, 100)
        for index in range(100, 400):
            clock.advance(1 / 128)
            progress.seen([prefiltered("walk", index)])
        assert len(shown.states) == 2 + 300 // 32
        assert shown.text == "walk <1>: 388 of 1,000 frames; 0 kept; 0:05 left"
        assert '<progress value="388" max="1000"' in shown.html
        assert shown.html.endswith(
            "</progress> walk &lt;1&gt;: 388 of 1,000 frames; 0 kept; 0:05 left</div>"
        )
        progress.feed_ended(FeedReport("walk <1>", 1000, None, ()))
        assert "<progress" not in shown.html
        progress.feed_opened("b", None, 0)
        assert '<progress style="' in shown.html
        assert shown.text == "b: 0 frames; 0 kept; 1 feed read, 1,000 frames"
        progress.feed_ended(FeedReport("b", 7, None, ()))
    assert shown.text == "0 kept; 2 feeds read, 1,007 frames"


def test_a_notebook_counts_what_is_kept_from_where_a_run_was_resumed(shown: Shown) -> None:
    frame = prefiltered("walk", 1)
    kept = Kept(frame.frame, None, None, 0.0, "novel")
    verdict = Verdict(Candidate(frame, None), "kept", "novel", None, None, 0.0, (kept,))
    with NotebookProgress(ManualClock()) as progress:
        progress.start_from(20)
        progress.feed_opened("walk", 10, 0)
        progress.judged([verdict, verdict])
        progress.feed_ended(FeedReport("walk", 10, None, ()))
    assert shown.text == "22 kept; 1 feed read, 10 frames"


def test_a_notebook_says_each_problem_once(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    with NotebookProgress(ManualClock()) as progress:
        progress.feed_opened("walk", 10, 0)
        progress.feed_ended(FeedReport("walk", 4, "walk: lost", ("walk: 2 packets damaged",)))
        progress.complain("error: walk: lost")
        progress.say("7 files passed over")
    assert capsys.readouterr().out.splitlines() == [
        "warning: walk: 2 packets damaged",
        "error: walk: lost",
        "7 files passed over",
    ]


def test_progress_is_plain_lines_where_it_is_asked_for(
    clips: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    streamsel.select([clips / "a.mp4", clips / "gone.mp4"], count=3, progress=True)
    told = capfd.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert "a: read to its end, 45 frames" in lines
    assert sum("gone.mp4: does not exist" in line for line in lines) == 1


@pytest.mark.parametrize("asked", [{}, {"progress": False}])
def test_elsewhere_nothing_is_shown_unless_asked_for(
    clips: Path, capfd: pytest.CaptureFixture[str], asked: dict[str, Any]
) -> None:
    streamsel.select(clips / "a.mp4", count=3, **asked)
    assert capfd.readouterr() == ("", "")


def test_another_word_for_progress_is_refused(clips: Path) -> None:
    wrong: Any = "bar"
    with pytest.raises(ConfigurationError, match=r"progress is 'bar'; it must be bool or auto"):
        streamsel.select(clips / "a.mp4", count=3, progress=wrong)


def test_a_run_that_is_resumed_from_python_goes_on(clips: Path, tmp_path: Path) -> None:
    options = RunOptions(select=SelectOptions(count=5))
    interrupt(clips, "a", tmp_path / "kept", 20, options)
    assert not streamsel.Selection(tmp_path / "kept").complete
    resumed = streamsel.select(
        clips / "a.mp4", count=5, output=tmp_path / "kept", resume=True, progress=True
    )
    assert resumed.complete
    assert len(resumed) == len(manifest(tmp_path / "kept")) == 5
