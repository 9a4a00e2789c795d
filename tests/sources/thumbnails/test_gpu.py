"""What is seen of a picture where a card left it, against what is seen in main memory."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
import pytest

from streamsel.frame import Picture, View
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.sources.thumbnails.gpu import (
    GpuThumbnailer,
    chroma_grid_of,
    luma_grid_of,
    plane_of,
    rows_of,
    small_planes,
)
from streamsel.sources.thumbnails.planes import to_rgb
from tests.sources.media import moving_picture

FORMATS = pytest.mark.parametrize("pixels", ["nv12", "p010le"])


def picture(pixels: str, width: int = 320, height: int = 180) -> av.VideoFrame:
    image = av.VideoFrame.from_ndarray(moving_picture(7, width, height), format="rgb24")
    return image.reformat(format=pixels, threads=1)


def apart(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> tuple[float, int]:
    difference = np.abs(one.astype(int) - other.astype(int))
    return difference.mean(), difference.max()


@FORMATS
def test_sketches_agree(pixels: str) -> None:
    image = picture(pixels)
    mean, largest = apart(
        luma_grid_of(plane_of(image, 0)), CpuThumbnailer().luma_grid(Picture(image))
    )
    assert mean < 1.0
    assert largest <= 8


@FORMATS
def test_chroma_grids_agree(pixels: str) -> None:
    image = picture(pixels)
    mean, largest = apart(
        chroma_grid_of(plane_of(image, 1)), CpuThumbnailer().chroma_grid(Picture(image))
    )
    assert mean < 1.0
    assert largest <= 8


@FORMATS
def test_luma_rows_are_the_same(pixels: str) -> None:
    image = picture(pixels)
    _, largest = apart(rows_of(plane_of(image, 0)), CpuThumbnailer().luma_rows(Picture(image)))
    assert largest <= 1  # 16 bits are rounded here, cut there


@FORMATS
def test_thumbnails_agree(pixels: str) -> None:
    image = picture(pixels)
    seen = to_rgb(small_planes(plane_of(image, 0), plane_of(image, 1), 64), image)
    mean, _ = apart(seen, CpuThumbnailer().thumbnail(Picture(image), View(64)))
    assert mean < 1.5


def test_what_is_in_main_memory_is_seen_as_by_any_eye() -> None:
    shown = Picture(picture("yuv420p"), 90)
    for look in ("luma_grid", "chroma_grid", "luma_rows"):
        assert np.array_equal(
            getattr(GpuThumbnailer(), look)(shown), getattr(CpuThumbnailer(), look)(shown)
        )
    assert np.array_equal(
        GpuThumbnailer().thumbnail(shown, View(64)), CpuThumbnailer().thumbnail(shown, View(64))
    )
