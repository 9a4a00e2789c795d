"""A fixed camera from the file to ``inspect``: what changes is recorded, also if interrupted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import streamsel
from streamsel.choices import ChangeWeight
from streamsel.cli.main import cli
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from tests.end_to_end.test_resume import interrupt
from tests.prefilter.scenes import street
from tests.sources.media import Rgb, write_video

FPS, FRAMES, COMES = 5, 130, 115
EARLY: dict[str, Any] = {"count": 5, "near_duplicate": 0.02, "look_ahead": 4}
"""Options with which frames are decided, and so recorded, soon after they are read."""
SCENE = np.kron(street(3), np.ones((4, 4)))  # (128, 128)


def passage(index: int, width: int, height: int) -> Rgb:
    """A street with the noise of a sensor; after 23 seconds somebody passes."""
    grey = SCENE + np.random.default_rng(index).normal(0, 3, SCENE.shape)
    if index >= COMES:
        left = 8 * (index - COMES)
        grey[60:110, left : left + 16] = 20
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixed")
    write_video(folder / "g.mp4", frames=FRAMES, size=(128, 128), rate=FPS, gop=10, picture=passage)
    return folder


def measured(kept: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(kept / "streamsel.db")) as database:
        frames = database.execute("SELECT idx, change_share, fixed FROM frames ORDER BY idx")
        scenes = database.execute("SELECT scene FROM feeds")
        return [*frames, *scenes]


@pytest.fixture(scope="module")
def whole(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = tmp_path_factory.mktemp("whole") / "kept"
    streamsel.select(clips / "g.mp4", **EARLY, output=kept)
    return kept


def test_what_changes_is_recorded_for_every_frame(whole: Path) -> None:
    with Record.open(whole) as record:
        changes = [one.change for one in record.decisions()]
        since = record.scene("g").fixed_since
    assert since is not None
    assert [change.fixed for change in changes if change] == [
        index / FPS >= since for index in range(FRAMES)
    ]
    shares = np.array([change.share for change in changes if change])
    assert shares[:COMES].max() < 0.005
    assert np.median(shares[COMES + 1 : COMES + 13]) > 0.03


@pytest.mark.parametrize("frames", [40, 98, 118])
def test_an_interrupted_run_goes_on_with_the_same_measurements(
    clips: Path, whole: Path, tmp_path: Path, frames: int
) -> None:
    options = RunOptions(select=SelectOptions(**EARLY))
    interrupt(clips, "g", tmp_path / "kept", frames, options)
    with Record.open(tmp_path / "kept") as record:
        assert 0 < record.recorded("g") < FRAMES
    streamsel.select(clips / "g.mp4", **EARLY, output=tmp_path / "kept", resume=True)
    assert measured(tmp_path / "kept") == measured(whole)


@pytest.mark.parametrize(("wanted", "told"), [("on", True), ("off", None)])
def test_a_camera_can_be_declared_fixed_or_left_alone(
    clips: Path, tmp_path: Path, wanted: ChangeWeight, told: bool | None
) -> None:
    kept = tmp_path / "kept"
    streamsel.select(clips / "g.mp4", count=5, end=2, change_weight=wanted, output=kept)
    with Record.open(kept) as record:
        changes = [one.change for one in record.decisions()]
    assert {None if change is None else change.fixed for change in changes} == {told}


def test_inspect_says_since_when_a_camera_is_fixed_and_what_changed(whole: Path) -> None:
    def told(*words: str) -> str:
        ended = CliRunner().invoke(cli, ["inspect", str(whole), *words])
        assert ended.exit_code == 0, ended.output
        return ended.output

    with Record.open(whole) as record:
        since = record.scene("g").fixed_since
        (early, late) = (next(record.decisions(FrameKey("g", index))).change for index in (5, 120))
    assert since is not None
    assert f"its camera counts as fixed since {since:g}s" in told()
    assert early is not None
    assert late is not None
    assert f"{early.share:.1%} of the picture changed; camera: not yet fixed" in told("g-000005")
    assert f"{late.share:.1%} of the picture changed; camera: fixed" in told("g-000120")
    assert f"weight: 1, and {early.weight:.2f} once it is" in told("g-000005")
    assert f"weight: {late.weight:.2f}" in told("g-000120")
