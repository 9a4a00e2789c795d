"""What is black, and what is dark with something in it, in every range of values."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from streamsel.frame import Picture, View
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sources.thumbnails.cpu import CpuThumbnailer, range_of
from tests.prefilter.thumbnailers import frames_of

SIZE = (1280, 720)
FORMATS = pytest.mark.parametrize(
    "pixels",
    ["yuv420p", "yuvj420p", "yuv444p", "nv12", "yuv420p10le", "p010le", "rgb24", "gray", "yuyv422"],
)
Grey = npt.NDArray[np.uint8]
"""(H, W) uint8, 0 to 255."""


def refusal(
    grey: Grey, pixels: str = "yuv420p", options: PrefilterOptions | None = None
) -> str | None:
    """What is said of a grey picture, stored in this format."""
    image = av.VideoFrame.from_ndarray(np.repeat(grey[:, :, None], 3, axis=2), format="rgb24")
    stored = image.reformat(format=pixels, threads=1)
    prefilter = FramePrefilter(CpuThumbnailer(), View(64), options or PrefilterOptions())
    return prefilter.check(*frames_of([stored])).refusal


def plain(level: int = 0) -> Grey:
    return np.full(SIZE[::-1], level, np.uint8)


def text(pixels: int, ground: int = 0, at: int = 402) -> Grey:
    """One line of white letters of so many pixels from foot to head."""
    image = Image.fromarray(plain(ground))
    font = ImageFont.load_default(size=pixels)
    ImageDraw.Draw(image).text((300, at), "the end of the first part", 255, font=font)
    return np.asarray(image)


def stars(number: int = 150) -> Grey:
    sky = plain()
    random = np.random.default_rng(5)
    places = random.integers(0, SIZE[1], number), random.integers(0, SIZE[0], number)
    sky[places] = random.integers(120, 256, number)
    return sky


def grained(level: float, deviation: float, seed: int = 1) -> Grey:
    noise = np.random.default_rng(seed).normal(level, deviation, SIZE[::-1])
    return np.rint(noise).clip(0, 255).astype(np.uint8)


def street() -> Grey:
    """Walls and a road by night: a little above black, and nothing bright."""
    random = np.random.default_rng(2)
    blocks = random.integers(19, 36, (18, 32))
    return np.kron(blocks, np.ones((40, 40))).astype(np.uint8)


@FORMATS
@pytest.mark.parametrize("height", [12, 14, 18])
def test_white_text_on_black_is_not_black(pixels: str, height: int) -> None:
    assert refusal(text(height), pixels) is None


@pytest.mark.parametrize("at", range(400, 412))
def test_a_line_of_text_is_seen_wherever_it_stands(at: int) -> None:
    assert refusal(text(12, at=at)) is None


@FORMATS
def test_a_starfield_is_not_black(pixels: str) -> None:
    assert refusal(stars(), pixels) is None


@FORMATS
def test_a_dark_street_is_not_black_in_any_range(pixels: str) -> None:
    assert refusal(street(), pixels) is None


@FORMATS
@pytest.mark.parametrize(
    "picture",
    [plain, lambda: plain(8), lambda: grained(0, 8), lambda: grained(6, 4)],
    ids=["black", "nearly black", "a noisy sensor", "a noisy sensor with an offset"],
)
def test_what_is_black_is_refused_in_every_range(pixels: str, picture: Callable[[], Grey]) -> None:
    assert refusal(picture(), pixels) == "black"


def test_hot_pixels_of_a_sensor_do_not_count() -> None:
    hot = plain()
    hot[[100, 301, 502], [400, 500, 600]] = 255
    assert refusal(hot) == "black"


def test_the_level_is_one_of_limited_range() -> None:
    """45 of 255 are 55 in limited range."""
    assert refusal(plain(45), options=PrefilterOptions(uniform_share=None)) is None
    for pixels in ("yuv420p", "yuvj420p", "rgb24"):
        told = [
            refusal(plain(45), pixels, PrefilterOptions(uniform_share=None, black_level=level))
            for level in (54, 58)
        ]
        assert told == [None, "black"]


@pytest.mark.parametrize("ground", [60, 128, 200])
def test_text_on_a_plain_ground_is_not_uniform(ground: int) -> None:
    told = [refusal(text(12, ground, at), "rgb24") for at in range(400, 412)]
    assert told == [None] * 12
    assert refusal(plain(ground)) == "uniform"


@pytest.mark.parametrize(
    ("pixels", "tag", "expected"),
    [
        ("yuv420p", 0, (16, 235)),
        ("yuv420p", 2, (0, 255)),
        ("yuvj420p", 0, (0, 255)),
        ("nv12", 1, (16, 235)),
        ("p010le", 2, (0, 255)),
        ("gray", 0, (0, 255)),
        ("gray", 1, (16, 235)),
    ],
)
def test_the_range_is_what_the_picture_is_tagged_with(
    pixels: str, tag: int, expected: tuple[int, int]
) -> None:
    image = av.VideoFrame(64, 64, pixels)
    image.color_range = tag
    assert CpuThumbnailer().luma_range(Picture(image)) == range_of(image) == expected
