"""What every thumbnailer does: small views of any picture, the same each time."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import pytest

from streamsel.errors import SourceError
from streamsel.frame import Picture, View
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.sources.thumbnails.gpu import GpuThumbnailer
from tests.contracts.implementations import implementations
from tests.sources.media import moving_picture

THUMBNAILERS: dict[str, Callable[[], Thumbnailer]] = {
    "CpuThumbnailer": CpuThumbnailer,
    "GpuThumbnailer": GpuThumbnailer,
}
VIEWS = [View(64), View(48, crop=0.875), View(56, crop=1.0, scaling="bicubic")]
PIXELS = ["yuv420p", "yuvj422p", "yuv444p10le", "gray", "rgb24", "nv12", "yuva420p"]


@pytest.fixture(params=THUMBNAILERS)
def thumbnailer(request: pytest.FixtureRequest) -> Thumbnailer:
    return THUMBNAILERS[request.param]()


def picture(pixels: str, width: int = 161, height: int = 97, rotation: int = 0) -> Picture:
    image = av.VideoFrame.from_ndarray(moving_picture(3, width, height), format="rgb24")
    return Picture(image.reformat(format=pixels, threads=1), rotation)


def test_every_thumbnailer_is_here() -> None:
    assert implementations(Thumbnailer) == THUMBNAILERS.keys()


@pytest.mark.parametrize("pixels", PIXELS)
def test_what_it_makes_is_small_read_only_and_the_same_each_time(
    thumbnailer: Thumbnailer, pixels: str
) -> None:
    shown = picture(pixels)
    rows = thumbnailer.luma_rows(shown)
    made = [thumbnailer.luma_grid(shown), rows, *(thumbnailer.thumbnail(shown, v) for v in VIEWS)]
    assert made[0].shape == (32, 32)
    assert rows.shape[1] == 161
    assert 1 <= rows.shape[0] <= 97
    assert [one.shape for one in made[2:]] == [(view.side, view.side, 3) for view in VIEWS]
    assert {one.dtype for one in made} == {np.dtype(np.uint8)}
    assert not any(one.flags.writeable for one in made)
    assert np.array_equal(thumbnailer.luma_grid(picture(pixels)), made[0])
    assert np.array_equal(thumbnailer.thumbnail(picture(pixels), VIEWS[0]), made[2])


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_thumbnail_is_upright_and_a_grid_as_stored(
    thumbnailer: Thumbnailer, rotation: int
) -> None:
    stored, turned = picture("yuv444p", 96, 96), picture("yuv444p", 96, 96, rotation)
    assert np.array_equal(thumbnailer.luma_grid(turned), thumbnailer.luma_grid(stored))
    expected = np.rot90(thumbnailer.thumbnail(stored, VIEWS[0]), rotation // 90)
    difference = np.abs(thumbnailer.thumbnail(turned, VIEWS[0]).astype(int) - expected)
    assert difference.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 200)])
def test_the_smallest_pictures_are_enough(thumbnailer: Thumbnailer, size: tuple[int, int]) -> None:
    shown = picture("yuv444p", *size)
    assert thumbnailer.luma_grid(shown).shape == (32, 32)
    assert thumbnailer.thumbnail(shown, VIEWS[0]).shape == (64, 64, 3)


def test_a_picture_that_was_dropped_is_an_error_of_its_feed(thumbnailer: Thumbnailer) -> None:
    shown = picture("yuv420p")
    shown.drop()
    for look in (
        thumbnailer.luma_grid,
        thumbnailer.luma_rows,
        lambda gone: thumbnailer.thumbnail(gone, VIEWS[0]),
    ):
        with pytest.raises(SourceError):
            look(shown)
