"""Pictures that have nothing to do with each other: a folder of images, and a slide show."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import streamsel
from streamsel.choices import Calibration
from tests.golden.clips import texture

NUMBER = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shuffled")
    for index in range(NUMBER):
        Image.fromarray(texture(300 + index, 96, 72)).save(folder / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def slide_show(folder: Path) -> Path:
    path = folder.with_suffix(".mkv")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "bgr0"
        for image in sorted(folder.iterdir()):
            pixels = np.asarray(Image.open(image))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("calibration", ["held-back", "on-the-way"])
def test_every_image_of_a_folder_is_kept(folder: Path, calibration: Calibration) -> None:
    selection = streamsel.select(folder, count=NUMBER, calibration=calibration, progress=False)
    assert len(selection.frames) == NUMBER
    assert selection.summary.warnings == {}


def test_every_picture_of_a_slide_show_is_kept_and_a_warning_says_why(slide_show: Path) -> None:
    selection = streamsel.select(slide_show, count=NUMBER, progress=False)
    assert len(selection.frames) == NUMBER
    ((warning,),) = selection.summary.warnings.values()
    assert "near-duplicate distance cannot be told" in warning
    told = streamsel.select(slide_show, count=NUMBER, near_duplicate=0.01, progress=False)
    assert told.summary.warnings == {}


def test_a_comparison_keeps_every_image_too(folder: Path) -> None:
    (table,) = streamsel.compare(folder, count=NUMBER, progress=False).tables
    assert {row.method: row.count for row in table.rows}["online"] == NUMBER
