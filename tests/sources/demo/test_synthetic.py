from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from streamsel.sources.demo.synthetic import render_demo
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    render_demo(path, seconds=10, size=(192, 108))
    return path


@pytest.fixture(scope="module")
def luma_grids(clip: Path) -> list[npt.NDArray[np.int64]]:
    thumbnailer = CpuThumbnailer()
    return [
        thumbnailer.luma_grid(frame.picture).astype(int)
        for frame in FileSource("d", str(clip)).frames()
    ]


def test_it_is_as_long_and_large_as_asked_for(
    clip: Path, luma_grids: list[npt.NDArray[np.int64]]
) -> None:
    frame = next(FileSource("d", str(clip)).frames())
    assert (len(luma_grids), frame.width, frame.height) == (150, 192, 108)


def test_the_same_arguments_give_the_same_file(clip: Path, tmp_path: Path) -> None:
    render_demo(tmp_path / "again.mp4", seconds=10, size=(192, 108))
    assert (tmp_path / "again.mp4").read_bytes() == clip.read_bytes()


def test_another_seed_gives_other_pictures(
    luma_grids: list[npt.NDArray[np.int64]], tmp_path: Path
) -> None:
    render_demo(tmp_path / "other.mp4", seconds=1, size=(192, 108), seed=5)
    other = CpuThumbnailer().luma_grid(
        next(FileSource("d", str(tmp_path / "other.mp4")).frames()).picture
    )
    assert np.abs(other - luma_grids[0]).mean() > 3


def test_it_has_cuts_freezes_repeats_and_black(luma_grids: list[npt.NDArray[np.int64]]) -> None:
    steps = [np.abs(a - b).mean() for a, b in pairwise(luma_grids)]
    assert sum(step > 25 for step in steps) >= 4
    assert sum(step < 0.1 for step in steps) >= 8
    assert any(luma_grid.max() < 24 for luma_grid in luma_grids)
    day = luma_grids[10]
    later = [np.abs(luma_grid - day).mean() for luma_grid in luma_grids[80:]]
    assert min(later) < 4


@pytest.mark.parametrize("size", [(641, 360), (640, 361), (8, 8)])
def test_a_size_that_cannot_be_encoded_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="both must be even"):
        render_demo(tmp_path / "x.mp4", size=size)
