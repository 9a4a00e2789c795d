"""Nothing that is stored of a masked video depends on what lies under the masks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import streamsel
from streamsel.api.compare import compare_inputs
from streamsel.choices import Decode
from streamsel.config.options import ReadOptions, RunOptions, SelectOptions
from streamsel.errors import ConfigurationError
from tests.sources.media import X264, write_video
from tests.sources.test_masks import MASK, clip_of

_TABLES = ("frames", "embeddings", "events", "kept", "statistics")


def contents(folder: Path) -> tuple[dict[str, bytes], dict[str, list[object]]]:
    pictures = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "frames").rglob("*.*"))
    }
    with closing(sqlite3.connect(folder / "streamsel.db")) as record:
        rows = {table: record.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}
        rows["feeds"] = record.execute(
            "SELECT name, frames, reference, previous FROM feeds"
        ).fetchall()
    return pictures, rows


@pytest.mark.parametrize("decode", ["all", "adaptive"])
def test_random_pixels_under_a_mask_change_no_stored_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode: Decode
) -> None:
    found = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        clip_of(folder / "clip.mkv", seed, frames=40)
        monkeypatch.chdir(folder)  # pictures tell where they are from
        streamsel.select("clip.mkv", count=6, mask=MASK, decode=decode, output=folder / "kept")
        found.append(contents(folder / "kept"))
    assert found[0] == found[1]
    pictures, rows = found[0]
    assert len(pictures) == 6
    assert rows["embeddings"]


def test_what_is_compared_is_masked(tmp_path: Path) -> None:
    options = RunOptions(read=ReadOptions(mask=(MASK,)), select=SelectOptions(count=4))
    tables = []
    for seed in (1, 2):
        clip = clip_of(tmp_path / f"{seed}.mkv", seed)
        (table,) = compare_inputs([str(clip)], options).tables
        tables.append(table.rows)
    assert tables[0] == tables[1]


@pytest.mark.parametrize("name", ["select", "compare", "train", "watch"])
def test_every_command_that_looks_at_pictures_takes_masks(tmp_path: Path, name: str) -> None:
    command = import_module(f"streamsel.cli.{name}").command
    given = ["--feed", "gate=rtsp://10.0.0.4/main"] if name == "watch" else ["walk.mp4"]
    given += [] if name == "compare" else ["-o", str(tmp_path / "kept")]
    ended = CliRunner().invoke(command, [*given, "--mask", MASK, "--mask", "0.9,0,0.5,1"])
    assert isinstance(ended.exception, ConfigurationError)
    assert "reaches out of the picture" in str(ended.exception)


def test_masks_are_part_of_what_a_run_is(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "clip.mkv", 1)
    streamsel.select(clip, count=3, mask="0.1,0.1,0.2,0.2", output=tmp_path / "kept")
    again = partial(streamsel.select, clip, count=3, output=tmp_path / "kept", resume=True)
    again(mask=["10%,10%,.2,0.20:black"])
    for other in ((), "0.1,0.1,0.2,0.2:blur", "0.1,0.1,0.2,0.3"):
        with pytest.raises(ConfigurationError, match="mask"):
            again(mask=other)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_mask_in_pixels_is_laid_over_one_size_alone(tmp_path: Path, jobs: int) -> None:
    sizes = {"a": (160, 120), "b": (128, 96), "c": (160, 120)}
    clips = [
        write_video(tmp_path / f"{name}.mp4", frames=10, size=size, options=X264)
        for name, size in sizes.items()
    ]
    selection = streamsel.select(
        clips, count=9, mask="0px,0px,160px,60px", per_input=True, format="png", jobs=jobs
    )
    assert {frame.feed for frame in selection.frames} == {"a", "c"}
    (error,) = selection.summary.errors.values()
    assert "128x96" in error
    assert "160x120" in error
    for frame in selection.frames:
        with Image.open(frame.path) as picture:
            shown = np.asarray(picture)
        assert shown[:58].max() <= 8
        assert shown[64:].max() > 100
