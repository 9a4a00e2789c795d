"""The text and the bar of a selection below a cell, as it goes on."""

from __future__ import annotations

from collections.abc import Iterator

import IPython.display
import pytest

from streamsel.api.notebook_progress import NotebookProgress
from streamsel.decisions import FeedReport
from streamsel.testing import ManualClock
from tests.sinks.streams import verdicts


class Display:
    """A cell that shows the newest of what it is given."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, bundle: dict[str, str], **options: object) -> Display:
        assert options == {"raw": True, "display_id": True}
        self.shown.append(bundle)
        return self

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(bundle)

    @property
    def text(self) -> str:
        return self.shown[-1]["text/plain"]

    @property
    def html(self) -> str:
        return self.shown[-1]["text/html"]


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Display:
    shown = Display()
    monkeypatch.setattr(IPython.display, "display", shown)
    return shown


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def progress(cell: Display, clock: ManualClock) -> Iterator[NotebookProgress]:
    with NotebookProgress(clock) as shown:
        yield shown


def seen(progress: NotebookProgress, frames: int) -> None:
    prefiltered = next(verdicts(1)).candidate.prefiltered
    progress.seen([prefiltered] * frames)


def test_at_first_inputs_are_opened(progress: NotebookProgress, cell: Display) -> None:
    assert cell.text == "opening the inputs"
    assert cell.html == "<div>opening the inputs</div>"


def test_a_feed_has_a_bar_and_says_how_long_it_will_take(
    progress: NotebookProgress, cell: Display, clock: ManualClock
) -> None:
    progress.feed_opened("walk & co", 3_000, 0)
    assert cell.text == "walk & co: 0 of 3,000 frames; 0 kept"
    clock.advance(10.0)
    seen(progress, 1_000)
    assert cell.text == "walk & co: 1,000 of 3,000 frames; 0 kept; 0:20 left"
    assert 'value="1000" max="3000"' in cell.html
    assert "walk &amp; co" in cell.html
    clock.advance(290.0)
    seen(progress, 500)
    assert cell.text.endswith("; 5:00 left")
    clock.advance(1.0)
    seen(progress, 1_500)
    assert cell.text == "walk & co: 3,000 of 3,000 frames; 0 kept"


def test_a_feed_of_unknown_length_has_a_bar_without_an_end(
    progress: NotebookProgress, cell: Display, clock: ManualClock
) -> None:
    progress.feed_opened("walk", None, 0)
    clock.advance(10.0)
    seen(progress, 7)
    assert cell.text == "walk: 7 frames; 0 kept"
    assert "<progress style" in cell.html


def test_frames_of_an_earlier_run_are_no_measure_of_the_pace(
    progress: NotebookProgress, cell: Display, clock: ManualClock
) -> None:
    progress.start_from(5)
    progress.feed_opened("walk", 200, 100)
    assert cell.text == "walk: 100 of 200 frames; 5 kept"
    clock.advance(10.0)
    seen(progress, 50)
    assert cell.text == "walk: 150 of 200 frames; 5 kept; 0:10 left"


def test_it_is_renewed_some_times_a_second(
    progress: NotebookProgress, cell: Display, clock: ManualClock
) -> None:
    progress.feed_opened("walk", 100, 0)
    shown = len(cell.shown)
    for _ in range(5):
        seen(progress, 1)
    assert len(cell.shown) == shown
    clock.advance(5.0)
    seen(progress, 1)
    assert len(cell.shown) == shown + 1
    seen(progress, 1)
    assert len(cell.shown) == shown + 1


def test_totals_follow_each_feed(progress: NotebookProgress, cell: Display) -> None:
    made = list(verdicts(10))
    progress.feed_opened("walk", 10, 0)
    progress.judged(made[:10])
    progress.feed_ended(FeedReport("walk", 10, None, ()))
    kept = sum(verdict.outcome == "kept" for verdict in made[:10])
    assert cell.text == f"{kept} kept; 1 feed read, 10 frames"
    assert cell.html == f"<div>{cell.text}</div>"
    progress.feed_opened("yard", 10, 0)
    assert cell.text.endswith("; 1 feed read, 10 frames")
    progress.feed_ended(FeedReport("yard", 5, None, ()))
    assert cell.text == f"{kept} kept; 2 feeds read, 15 frames"


def test_what_was_evicted_is_not_kept(progress: NotebookProgress, cell: Display) -> None:
    progress.judged(list(verdicts(60)))
    progress.feed_ended(FeedReport("walk", 60, None, ()))
    assert cell.text.startswith("4 kept")


def test_problems_are_printed_once(
    progress: NotebookProgress, capsys: pytest.CaptureFixture[str]
) -> None:
    report = FeedReport("walk", 10, "it broke", ("odd",))
    progress.feed_ended(report)
    progress.feed_ended(report)
    progress.say("done")
    assert capsys.readouterr().out == "warning: odd\nerror: it broke\ndone\n"
