from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.bench.worth.__main__ import main
from tests.bench.worth.figures import Worth
from tests.bench.worth.media import Media, made
from tests.bench.worth.report import Row, events_table, losses, medians_table, videos_table
from tests.bench.worth.scenes import Screen

OURS = Row(
    "streamsel select",
    {
        2: [Worth(1, 2, {"event": 2}), Worth(0, 2, {"insect": 2})],
        4: [Worth(2, 2, {"event": 4}), Worth(2, 2, {"event": 3, "night": 1})],
    },
)
THEIRS = Row(
    "every n-th",
    {2: [Worth(1, 2), Worth(1, 2)], 4: [Worth(1, 2, {"rain": 3, "event": 1}), Worth(1, 2)]},
)
ABSENT = Row("somebody", why_not="it is not installed")
ROWS = [OURS, THEIRS, ABSENT]


def test_events_are_summed_and_the_median_video_is_told() -> None:
    assert events_table(ROWS).splitlines()[2:] == [
        "| streamsel select | 1 (25%) | 4 (100%) | night 1 |",
        "| every n-th | 2 (50%) | 2 (50%) | rain 3 |",
        "| somebody | - | - | not run: it is not installed |",
    ]


def test_of_people_the_lowest_and_the_highest_are_told() -> None:
    assert medians_table(ROWS).splitlines()[2:] == [
        "| streamsel select | 0 (0 to 1) | 2 (2 to 2) |",
        "| every n-th | 1 (1 to 1) | 1 (1 to 1) |",
        "| somebody | - | not run: it is not installed |",
    ]


def test_each_video_has_its_column() -> None:
    videos = [Media(name, Path(name), []) for name in ("pan", "film")]
    found = videos_table(ROWS, videos).splitlines()
    assert found[0] == "| method | pan | film | k 4: junk |"
    assert found[2] == "| streamsel select | 1 / 2 | 0 / 2 | night 1 |"


def test_what_is_lost_is_said() -> None:
    assert losses(ROWS, OURS.name) == "More than streamsel select: every n-th at k 2 (2 for 1)."
    assert losses([OURS, ABSENT], OURS.name) == "More than streamsel select: none."


def test_a_clip_with_its_truth_is_judged(tmp_path: Path) -> None:
    media = made(Screen(2, seconds=8, fps=4, events=3), tmp_path)
    asked = ["events", "--cache", str(tmp_path), "--clip", str(media.path), "-n", "6"]
    result = CliRunner().invoke(main, [*asked, "--product-only"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("k 6: ")
    assert " of 3 events" in result.stdout


@pytest.mark.parametrize("text", ["count=0", "method=best"])
def test_an_option_that_cannot_be(text: str, tmp_path: Path) -> None:
    asked = ["events", "--cache", str(tmp_path), "-o", text, "--seeds", "0"]
    assert CliRunner().invoke(main, asked).exit_code == 1
