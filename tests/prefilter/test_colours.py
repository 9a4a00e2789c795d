"""Pictures that differ in colour alone, as every kind of decoder puts them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import av
import numpy as np
import pytest

from streamsel.frame import (
    ChromaGrid,
    LumaGrid,
    LumaRows,
    Picture,
    PrefilterState,
    Thumbnail,
    View,
)
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sources.thumbnails.cpu import CpuThumbnailer, range_of
from streamsel.sources.thumbnails.gpu import (
    chroma_grid_of,
    luma_grid_of,
    plane_of,
    rows_of,
)
from tests.prefilter.thumbnailers import frames_of, textured

COLOURED = [
    *("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "nv12", "nv21", "nv16"),
    *("yuv420p10le", "yuv422p12le", "yuv444p16be", "p010le"),
    *("rgb24", "bgr24", "gbrp", "rgba", "yuyv422", "uyvy422"),
]
AT_ONCE = PrefilterOptions(calibration=0)
SIDE = 128


def coloured(
    u: float, v: float, patch: slice = slice(None), noise: int | None = None
) -> av.VideoFrame:
    """A texture with one colour, or with a coloured square; ``noise`` is the seed of a grain."""
    planes = np.full((3, SIDE, SIDE), 128, np.int64)
    planes[0] = textured(1, SIDE) // 2 + 60
    planes[1, patch, patch], planes[2, patch, patch] = round(u), round(v)
    if noise is not None:
        planes += np.rint(np.random.default_rng(noise).normal(0, 2, planes.shape)).astype(np.int64)
    return av.VideoFrame.from_ndarray(planes.clip(0, 255).astype(np.uint8), format="yuv444p")


def round_the_circle(number: int) -> Iterator[av.VideoFrame]:
    for angle in np.linspace(0, 2 * np.pi, number):
        yield coloured(128 + 50 * np.cos(angle), 128 + 50 * np.sin(angle))


class NearPlanes:
    """What a card sees, of planes in main memory."""

    def luma_grid(self, picture: Picture) -> LumaGrid:
        return luma_grid_of(plane_of(_image(picture), 0))

    def chroma_grid(self, picture: Picture) -> ChromaGrid:
        return chroma_grid_of(plane_of(_image(picture), 1))

    def luma_rows(self, picture: Picture, rows: int = 32) -> LumaRows:
        return rows_of(plane_of(_image(picture), 0), rows)

    def luma_range(self, picture: Picture) -> tuple[int, int]:
        return range_of(_image(picture))

    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        return CpuThumbnailer().thumbnail(picture, view)


def _image(picture: Picture) -> av.VideoFrame:
    assert picture.image is not None
    return picture.image


def refusals(
    images: Sequence[av.VideoFrame] | Iterator[av.VideoFrame],
    options: PrefilterOptions = AT_ONCE,
    pixels: str = "yuv444p",
    thumbnailer: Thumbnailer | None = None,
) -> list[str | None]:
    prefilter = FramePrefilter(thumbnailer or CpuThumbnailer(), View(16), options)
    shown = frames_of(image.reformat(format=pixels, threads=1) for image in images)
    return [prefilter.check(frame).refusal for frame in shown]


def test_a_hue_that_goes_round_the_circle_is_judged_again_and_again() -> None:
    told = refusals(round_the_circle(280))
    assert Counter(told)[None] > 100
    assert "frozen" not in told
    steps = np.diff([index for index, refusal in enumerate(told) if refusal is None])
    assert steps.max() <= 3


def test_a_hue_that_goes_round_the_circle_is_not_frozen() -> None:
    judged = PrefilterOptions(unchanged_mean=None, freeze_seconds=0.5)
    told = Counter(refusals(round_the_circle(280), judged))
    assert told[None] > 200
    assert "frozen" not in told


SCENE = [(90, 160), (160, 90), (110, 110), (90, 160)]
"""Colours of one luma, each for some frames."""


@pytest.mark.parametrize("pixels", COLOURED)
def test_each_colour_is_seen_once_however_it_was_decoded(pixels: str) -> None:
    images = [coloured(*colour) for colour in SCENE for _ in range(4)]
    told = refusals(images, pixels=pixels)
    assert [index for index, refusal in enumerate(told) if refusal is None] == [0, 4, 8]
    assert {*told} == {None, "unchanged", "exact-duplicate"}
    assert told[12] == told[15] == "exact-duplicate"


@pytest.mark.parametrize("pixels", ["nv12", "p010le"])
def test_a_card_sees_the_same_colours(pixels: str) -> None:
    images = [coloured(*colour) for colour in SCENE for _ in range(4)]
    assert refusals(images, pixels=pixels, thumbnailer=NearPlanes()) == refusals(
        images, pixels=pixels
    )


def test_what_has_no_colour_differs_by_luma_alone() -> None:
    images = [coloured(*colour) for colour in SCENE]
    assert refusals(images, pixels="gray") == [None, "unchanged", *["exact-duplicate"] * 2]


@pytest.mark.parametrize("pixels", COLOURED)
def test_a_small_thing_of_the_same_luma_is_seen(pixels: str) -> None:
    images = [coloured(128, 128), coloured(100, 170, slice(40, 48))]
    assert refusals(images, pixels=pixels) == [None, None]


def test_the_grain_of_colours_is_no_change() -> None:
    told = refusals(coloured(90, 160, noise=seed) for seed in range(60))
    assert Counter(told) == {None: 1, "unchanged": 59}


def test_a_picture_of_one_luma_and_many_colours_is_not_uniform() -> None:
    stripes = np.full((3, SIDE, SIDE), 128, np.uint8)
    stripes[1, :, ::8], stripes[2, :, SIDE // 2 :] = 90, 170
    assert refusals([av.VideoFrame.from_ndarray(stripes, format="yuv444p")]) == [None]
    stripes[1:] = 100
    assert refusals([av.VideoFrame.from_ndarray(stripes, format="yuv444p")]) == ["uniform"]


def test_resumed_it_remembers_the_colour() -> None:
    first, *others = frames_of(coloured(*colour) for colour in (SCENE[0], SCENE[1], SCENE[1]))
    before = FramePrefilter(CpuThumbnailer(), View(16), AT_ONCE)
    seen = before.check(first)
    again = FramePrefilter(CpuThumbnailer(), View(16), AT_ONCE)
    again.resume(seen.state, [seen.digest])
    assert [again.check(one).refusal for one in others] == [None, "exact-duplicate"]


def test_a_record_without_colours_goes_on_by_luma() -> None:
    first, same, other = frames_of(
        [coloured(*SCENE[0]), coloured(*SCENE[1]), coloured(128, 128, slice(40, 48))]
    )
    before = FramePrefilter(CpuThumbnailer(), View(16), AT_ONCE).check(first).state
    again = FramePrefilter(CpuThumbnailer(), View(16), AT_ONCE)
    again.resume(PrefilterState(before.reference, before.previous, 1, 0.0, 1), [])
    assert [again.check(one).refusal for one in (same, other)] == ["unchanged", "unchanged"]
