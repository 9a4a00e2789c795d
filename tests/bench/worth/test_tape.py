from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamsel.api.select import select
from streamsel.config.options import run_options
from tests.bench.worth.camera import FixedCamera
from tests.bench.worth.media import given, made
from tests.bench.worth.scenes import Film, Identities, Pan, Screen
from tests.bench.worth.tape import kept_of, recorded
from tests.bench.worth.truth import events_of

SHORT = FixedCamera(4, seconds=80, fps=3, events=2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worth")


@pytest.mark.parametrize("live", [False, True], ids=["file", "live"])
def test_a_replay_decides_as_a_run_does(live: bool, cache: Path) -> None:
    media = made(SHORT, cache)
    how: dict[str, Any] = {"look_ahead": 1, "calibration": "on-the-way"} if live else {}
    options = run_options({"count": 12, **how})
    tape = recorded(media.path, cache)
    selection = select(media.path, count=12, progress=False, **how)
    run = [frame.index for frame in selection.frames]
    assert list(kept_of(tape.candidates(options), options)) == sorted(run)


def test_a_video_is_made_once_and_read_back(tmp_path: Path) -> None:
    recipe = FixedCamera(4, seconds=6, fps=5, events=1)
    media = made(recipe, tmp_path)
    written = media.path.stat().st_mtime_ns
    again = made(FixedCamera(4, seconds=6, fps=5, events=1), tmp_path)
    assert again == media
    assert again.path.stat().st_mtime_ns == written
    assert given(media.path).truth == media.truth
    assert made(FixedCamera(5, seconds=6, fps=5, events=1), tmp_path).path != media.path


@pytest.mark.parametrize(
    ("recipe", "events", "kinds"),
    [
        (Pan(0, seconds=12, fps=2, events=3), 3, {"event", "day"}),
        (Pan(0, shaking=True, seconds=12, fps=2, events=3), 3, {"event", "day"}),
        (Screen(1, seconds=20, fps=4, events=5), 5, {"event", "scrolling"}),
        (Film(0, seconds=24, fps=4, events=6), 6, {"event", "fade", "dissolve"}),
        (Identities(0, seconds=48, fps=1), 6, {"event", "day"}),
    ],
    ids=["pan", "moving", "screen", "film", "identities"],
)
def test_other_videos_show_what_their_truth_says(
    recipe: Pan | Screen | Film | Identities, events: int, kinds: set[str]
) -> None:
    shown = list(recipe.frames())
    truth = [seen for _, seen in shown]
    assert len(events_of(truth)) == events
    assert {seen.kind for seen in truth} == kinds
    assert [seen.frame for seen in truth] == list(range(recipe.seconds * recipe.fps))
    assert len({picture.tobytes() for picture, _ in shown}) > len(shown) // 2
