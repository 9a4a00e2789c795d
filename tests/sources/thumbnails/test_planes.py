"""How decoded pictures lie in memory."""

from __future__ import annotations

import av
import numpy as np
import pytest

from streamsel.sources.thumbnails.planes import PlaneLayout, layout_of, rows_of, to_rgb

RGB, UNKNOWN = 0, 2


def image(pixels: str, colorspace: int = UNKNOWN) -> av.VideoFrame:
    made = av.VideoFrame(16, 8, pixels)
    made.colorspace = colorspace
    return made


@pytest.mark.parametrize(
    ("pixels", "layout"),
    [
        ("yuv420p", PlaneLayout("u1", 0, (1, 2))),
        ("yuvj444p", PlaneLayout("u1", 0, (1, 2))),
        ("yuva420p", PlaneLayout("u1", 0, (1, 2))),
        ("yuv420p10le", PlaneLayout("<u2", 2, (1, 2))),
        ("yuv422p12be", PlaneLayout(">u2", 4, (1, 2))),
        ("nv12", PlaneLayout("u1", 0, (1,), is_paired=True)),
        ("nv21", PlaneLayout("u1", 0, (1,), is_paired=True, is_swapped=True)),
        ("p010le", PlaneLayout("<u2", 8, (1,), is_paired=True)),
        ("gray", PlaneLayout("u1", 0, ())),
        ("gray16le", PlaneLayout("<u2", 8, ())),
        ("grayf32le", None),
        ("rgb24", None),
        ("gbrp", None),
        ("pal8", None),
        ("yuyv422", None),
        ("monow", None),
    ],
)
def test_formats_with_a_plane_of_luma_are_known(pixels: str, layout: PlaneLayout | None) -> None:
    assert layout_of(image(pixels)) == layout


@pytest.mark.parametrize(("pixels", "is_known"), [("yuv444p", False), ("gray", True)])
def test_planes_tagged_as_rgb_are_not_luma_unless_there_is_one(pixels: str, is_known: bool) -> None:
    assert (layout_of(image(pixels, RGB)) is not None) == is_known


def test_samples_are_cut_to_8_bits_and_pairs_are_split() -> None:
    deep = PlaneLayout("<u2", 2, (1, 2))
    assert deep.narrow(np.array([[1023, 4, 3]], np.uint16)).tolist() == [[255, 1, 0]]
    plain = np.array([[1, 2, 3, 4]], np.uint8)
    assert PlaneLayout("u1", 0, (1, 2)).parts(plain)[0] is plain
    for swapped, expected in ((False, [[[1, 3]], [[2, 4]]]), (True, [[[2, 4]], [[1, 3]]])):
        parts = PlaneLayout("u1", 0, (1,), is_paired=True, is_swapped=swapped).parts(plain)
        assert [part.tolist() for part in parts] == expected


def test_rows_are_without_padding() -> None:
    made = av.VideoFrame(18, 8, "nv12")
    layout = layout_of(made)
    assert layout is not None
    assert rows_of(made, 0, layout).shape == (8, 18)
    assert rows_of(made, 1, layout).shape == (4, 18)


@pytest.mark.parametrize(
    ("luma", "color_range", "grey"),
    [(16, 1, 0), (235, 1, 255), (0, 2, 0), (255, 2, 255), (126, 2, 126), (16, 0, 0)],
)
def test_the_range_of_luma_is_that_of_the_tag(luma: int, color_range: int, grey: int) -> None:
    made = image("yuv420p", 1)
    made.color_range = color_range
    planes = [np.full((2, 2), value, np.uint8) for value in (luma, 128, 128)]
    assert to_rgb(planes, made).tolist() == [[[grey] * 3] * 2] * 2


@pytest.mark.parametrize(("color_range", "grey"), [(0, 16), (2, 16), (1, 0)])
def test_gray_without_a_tag_has_the_full_range(color_range: int, grey: int) -> None:
    made = image("gray")
    made.color_range = color_range
    assert to_rgb([np.full((1, 1), 16, np.uint8)], made).tolist() == [[[grey] * 3]]
