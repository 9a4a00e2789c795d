from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from streamsel.errors import SourceError
from streamsel.frame import Picture, Scaling, View
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.sources.media import MAKERS, moving_picture
from tests.sources.media import image_of as picture_of

FORMATS = [
    *("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv440p", "yuva420p", "nv12", "nv21", "nv16"),
    *("yuv420p10le", "yuv422p12le", "yuv444p16be", "p010le", "p016le"),
    *("gray", "gray10le", "gray16le", "gray16be"),
    *("rgb24", "bgr24", "gbrp", "rgba", "yuyv422", "uyvy422", "ya8"),
]
GRAY = {"gray", "gray10le", "gray16le", "gray16be", "ya8"}


def natural(width: int = 640, height: int = 360) -> np.ndarray:
    """A picture with soft areas, edges and some grain."""
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    return (moving_picture(4, width, height) + grain).clip(0, 255).astype(np.uint8)


def image_of(rgb: np.ndarray, pixels: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels, threads=1)


def area_average(full: np.ndarray, size: int) -> np.ndarray:
    """(H, W, 3) averaged over a grid of equal cells, in floating point."""
    for axis in (0, 1):
        full = np.moveaxis(full.astype(np.float64), axis, 0)
        sums = np.concatenate([np.zeros((1, *full.shape[1:])), np.cumsum(full, axis=0)])
        edges = np.linspace(0, len(full), size + 1)
        low = np.minimum(edges.astype(int), len(full) - 1)
        part = (edges - low)[:, None, None]
        at_edges = sums[low] * (1 - part) + sums[low + 1] * part
        cells = np.diff(at_edges, axis=0) / np.diff(edges)[:, None, None]
        full = np.moveaxis(cells, 0, axis)
    return full


@pytest.mark.parametrize("pixels", FORMATS)
@pytest.mark.parametrize("size", [(640, 360), (500, 301)])
def test_a_thumbnail_is_close_to_the_average_of_the_whole_picture(
    pixels: str, size: tuple[int, int]
) -> None:
    image = image_of(natural(*size), pixels)
    thumbnail = CpuThumbnailer().thumbnail(Picture(image), View(48))
    expected = area_average(image.to_ndarray(format="rgb24", threads=1), 48)
    assert np.abs(thumbnail - expected).mean() < 3
    assert thumbnail.shape == (48, 48, 3)
    assert (np.ptp(thumbnail, axis=2).max() == 0) == (pixels in GRAY)


@pytest.mark.parametrize("colorspace", [1, 2, 5, 6, 7, 9])
@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("view", [View(8), View(8, scaling="bicubic")])
def test_matrix_and_range_are_those_the_picture_is_tagged_with(
    colorspace: int, color_range: int, view: View
) -> None:
    image = av.VideoFrame(64, 64, "yuv444p")
    for plane, level in zip(image.planes, (110, 90, 170), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    image.colorspace, image.color_range = colorspace, color_range
    ours = CpuThumbnailer().thumbnail(Picture(image), view)[4, 4]
    weights = {1: (0.2126, 0.0722), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
    red, blue = weights.get(colorspace, (0.299, 0.114))
    if color_range == 1:
        y, u, v = (110 - 16) * 255 / 219, (90 - 128) * 255 / 224, (170 - 128) * 255 / 224
    else:
        y, u, v = 110.0, 90 - 128.0, 170 - 128.0
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    np.testing.assert_allclose(ours, [r, g, b], atol=1)


@pytest.mark.parametrize("pixels", ["gray", "yuv420p", "rgb24", "gray16le"])
def test_the_layout_in_memory_changes_nothing(pixels: str) -> None:
    rgb = natural(322, 202)
    plain = image_of(rgb, pixels)
    results = []
    for extra in (0, 2, 38):
        # Filters that crop leave the rest of each row where it was: as padding.
        wide = np.random.default_rng(extra).integers(0, 256, (202, 322 + extra, 3), np.uint8)
        wide[:, :322] = rgb
        image = cropped(image_of(wide, pixels), 322, 202)
        assert image.planes[0].line_size >= plain.planes[0].line_size
        thumbnailer = CpuThumbnailer()
        picture = Picture(image)
        seen = (
            thumbnailer.luma_grid(picture),
            thumbnailer.chroma_grid(picture),
            thumbnailer.luma_rows(picture),
            thumbnailer.thumbnail(picture, View(64)),
        )
        results.append([array.tobytes() for array in seen])
    assert results[0] == results[1] == results[2]


def cropped(image: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    graph = av.filter.Graph()
    nodes = (
        graph.add_buffer(
            width=image.width, height=image.height, format=image.format, time_base=Fraction(1, 25)
        ),
        graph.add("crop", f"{width}:{height}:0:0"),
        graph.add("buffersink"),
    )
    graph.link_nodes(*nodes).configure()
    image.pts = 0
    graph.vpush(image)
    return graph.vpull()


def test_one_eye_gives_the_same_for_any_order_of_pictures() -> None:
    pictures = [
        Picture(image_of(natural(*size), pixels))
        for size in ((640, 360), (64, 48), (33, 500))
        for pixels in ("yuv420p", "rgb24", "gray16le", "nv12")
    ]

    def look(thumbnailer: CpuThumbnailer, picture: Picture) -> tuple[bytes, ...]:
        seen = (
            thumbnailer.luma_grid(picture),
            thumbnailer.chroma_grid(picture),
            thumbnailer.thumbnail(picture, View(64)),
            thumbnailer.luma_rows(picture),
        )
        return tuple(array.tobytes() for array in seen)

    one = CpuThumbnailer()
    forward = [look(one, picture) for picture in pictures]
    backward = [look(one, picture) for picture in reversed(pictures)]
    assert forward == backward[::-1] == [look(CpuThumbnailer(), picture) for picture in pictures]


@pytest.mark.parametrize("pixels", ["yuv420p", "gray16le", "p010le", "rgb24", "yuyv422"])
def test_a_sketch_is_the_average_luma(pixels: str) -> None:
    image = image_of(natural(), pixels)
    gray = np.asarray(image.to_ndarray(format="gray", threads=1), np.float64)
    if pixels in {"yuv420p", "yuyv422", "p010le"}:
        gray = gray * 219 / 255 + 16  # to_ndarray stretches to full range, a luma grid does not
    luma_grid = CpuThumbnailer().luma_grid(Picture(image))
    expected = area_average(np.repeat(gray[:, :, None], 3, axis=2), 32)[:, :, 0]
    assert luma_grid.shape == (32, 32)
    assert np.abs(luma_grid - expected).mean() < 3


@pytest.mark.parametrize("pixels", FORMATS)
@pytest.mark.parametrize("size", [(640, 360), (500, 301)])
def test_a_chroma_grid_is_the_average_chroma(pixels: str, size: tuple[int, int]) -> None:
    image = image_of(natural(*size), pixels)
    full = image.reformat(format="yuvj444p" if "yuvj" in pixels else "yuv444p", threads=1)
    chroma = np.stack([area_average(one[:, :, None], 32)[:, :, 0] for one in full.to_ndarray()[1:]])
    seen = CpuThumbnailer().chroma_grid(Picture(image))
    assert seen.shape == (2, 32, 32)
    assert np.abs(seen - chroma).mean() < 1
    assert (np.ptp(seen) == 0) == (pixels in GRAY)


@pytest.mark.parametrize("pixels", ["yuv420p", "gray16be", "p010le", "rgb24"])
def test_luma_rows_are_whole_rows_in_8_bits(pixels: str) -> None:
    image = image_of(natural(300, 200), pixels)
    rows = CpuThumbnailer().luma_rows(Picture(image))
    assert rows.shape == (32, 300)
    whole = CpuThumbnailer().luma_rows(Picture(image), rows=200)
    assert whole.shape == (200, 300)
    np.testing.assert_array_equal(rows, whole[(2 * np.arange(32) + 1) * 200 // 64])
    assert CpuThumbnailer().luma_rows(Picture(image_of(natural(40, 9), pixels))).shape == (9, 40)


@pytest.mark.parametrize("scaling", ["area", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(640, 360), (240, 400)])
def test_a_crop_is_what_a_centered_crop_after_scaling_shows(
    scaling: Scaling, size: tuple[int, int]
) -> None:
    rgb = natural(*size)
    seen = CpuThumbnailer().thumbnail(Picture(image_of(rgb, "rgb24")), View(56, 0.875, scaling))
    width, height = size
    factor = 64 / min(size)
    whole = Image.fromarray(rgb).resize(
        (round(width * factor), round(height * factor)),
        Image.Resampling["BOX" if scaling == "area" else scaling.upper()],
    )
    left, top = (whole.width - 56) // 2, (whole.height - 56) // 2
    expected = np.asarray(whole)[top : top + 56, left : left + 56].astype(float)
    assert np.abs(seen - expected).mean() < 2.5


def test_a_crop_does_not_see_the_edges_and_the_whole_view_does() -> None:
    rgb = natural()
    marked = rgb.copy()
    marked[:, :80] = 255
    thumbnailer = CpuThumbnailer()

    def gap(view: View) -> int:
        first, second = (thumbnailer.thumbnail(Picture(image_of(p)), view) for p in (rgb, marked))
        return int(np.abs(first.astype(int) - second).max())

    assert gap(View(32, 0.9, "bicubic")) == 0
    assert gap(View(32, None, "bicubic")) > 50


@pytest.mark.parametrize("view", [View(32), View(32, scaling="bicubic"), View(32, 0.8)])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_thumbnail_is_upright_and_the_sketch_as_stored(rotation: int, view: View) -> None:
    image = image_of(natural(200, 120))
    stored, turned = Picture(image), Picture(image, rotation)
    thumbnailer = CpuThumbnailer()
    upright = np.rot90(thumbnailer.thumbnail(stored, view), rotation // 90).astype(int)
    # To the last bit where nothing is rounded between the two directions of scaling.
    assert np.abs(thumbnailer.thumbnail(turned, view) - upright).max() <= (
        0 if view == View(32) else 1
    )
    np.testing.assert_array_equal(thumbnailer.luma_grid(turned), thumbnailer.luma_grid(stored))


def test_arrays_are_read_only_and_hold_on_to_nothing() -> None:
    thumbnailer = CpuThumbnailer()
    picture = Picture(image_of(natural()))
    first = (
        thumbnailer.luma_grid(picture),
        thumbnailer.chroma_grid(picture),
        thumbnailer.thumbnail(picture, View(64)),
        thumbnailer.luma_rows(picture),
    )
    copies = [array.copy() for array in first]
    other = Picture(image_of(255 - natural()))
    (
        thumbnailer.luma_grid(other),
        thumbnailer.chroma_grid(other),
        thumbnailer.thumbnail(other, View(64)),
        thumbnailer.luma_rows(other),
    )
    for array, copy in zip(first, copies, strict=True):
        assert not array.flags.writeable
        assert array.flags.owndata
        np.testing.assert_array_equal(array, copy)


def test_a_dropped_picture_cannot_be_looked_at() -> None:
    picture = Picture(image_of(natural()))
    picture.drop()
    for look in (
        CpuThumbnailer().luma_grid,
        CpuThumbnailer().chroma_grid,
        CpuThumbnailer().luma_rows,
        lambda p: CpuThumbnailer().thumbnail(p, View(32)),
    ):
        with pytest.raises(SourceError, match="dropped"):
            look(picture)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_every_decoded_format_can_be_looked_at(media: Callable[[str], Path], kind: str) -> None:
    path: Path = media(kind)
    thumbnailer = CpuThumbnailer()
    for frame in FileSource("x", str(path)).frames():
        thumbnail = thumbnailer.thumbnail(frame.picture, View(32))
        full = area_average(picture_of(frame).to_ndarray(format="rgb24", threads=1), 32)
        if min(frame.width, frame.height) >= 32:
            assert np.abs(thumbnail - full).mean() < 3
        assert thumbnailer.luma_grid(frame.picture).shape == (32, 32)
        assert thumbnailer.luma_rows(frame.picture).shape == (min(32, frame.height), frame.width)
