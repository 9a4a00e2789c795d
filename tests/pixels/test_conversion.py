"""Pictures are converted as ffmpeg converts them: flagged interlaced, not square, scaled."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from streamsel.errors import SourceError
from streamsel.frame import Picture, View
from streamsel.pixels.conversion import Converter
from streamsel.pixels.size import PictureSize
from streamsel.sinks.pictures import Encoder
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.pixels.peers import ACCURATE, PATTERN, SOFT, by_ffmpeg, clip, decoded, pixels_of, psnr

Clip = Callable[..., Path]
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
SQUARED = f"scale=w=round(iw*sar):h=ih:{ACCURATE},setsar=1"
INTERLACED = {
    "progressive.mp4": X264,
    "mbaff.mp4": (*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2"),
    "really.mp4": ("-vf", "tinterlace=4,setsar=1", *X264, "-flags", "+ildct+ilme"),
    "ten_bit.mov": ("-c:v", "prores_ks", "-flags", "+ildct", "-vf", "setfield=tff"),
}


@pytest.fixture(scope="module")
def made(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str, *encoding: str, source: str = PATTERN) -> Path:
        return clip(ffmpeg, folder / name, *encoding, source=source)

    return make


def written(video: Path, encoder: Encoder, index: int = 0) -> npt.NDArray[np.uint8]:
    return pixels_of(encoder.encode(Picture(decoded(video, index))).content)


@pytest.mark.parametrize("size", [None, "80x", "300x200!"])
@pytest.mark.parametrize("kind", INTERLACED)
def test_flagged_interlaced_is_converted_as_ffmpeg_does(
    ffmpeg: Path, made: Clip, tmp_path: Path, kind: str, size: str | None
) -> None:
    video = clip(ffmpeg, tmp_path / kind, *INTERLACED[kind])
    assert decoded(video, 3).interlaced_frame == (kind != "progressive.mp4")
    scaled = {None: "", "80x": "w=80:h=-1:", "300x200!": "w=300:h=200:"}[size]
    expected = by_ffmpeg(ffmpeg, video, f"scale={scaled}{ACCURATE}", 3)
    encoder = Encoder("png", size=None if size is None else PictureSize.read(size))
    assert psnr(written(video, encoder, 3), expected) == 99


@pytest.mark.parametrize("kind", ["mbaff.mp4", "mpeg2.mpg"])
def test_soft_colours_are_those_of_ffmpeg_by_default(
    ffmpeg: Path, tmp_path: Path, kind: str
) -> None:
    # Where colours change within a pixel of chroma, ffmpeg's default alone repeats that pixel.
    video = clip(ffmpeg, tmp_path / kind, *INTERLACED[kind], source=SOFT)
    assert psnr(written(video, Encoder("png"), 3), by_ffmpeg(ffmpeg, video, "null", 3)) > 40


@pytest.mark.parametrize(
    ("size", "stored", "found"),
    [
        ("80x", (160, 96), (80, 48)),
        ("x48", (160, 96), (80, 48)),
        ("80x80", (160, 96), (80, 48)),
        ("400x400", (160, 96), (400, 240)),
        ("400x400!", (160, 96), (400, 400)),
        ("80x", (97, 33), (80, 27)),
        ("1x", (5, 900), (1, 180)),
        ("x1", (900, 5), (180, 1)),
        ("1x1", (900, 5), (1, 1)),
        ("16384x", (2, 900), (36, 16384)),
    ],
)
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_size_keeps_proportions_unless_it_is_exact(
    size: str, stored: tuple[int, int], found: tuple[int, int], rotation: int
) -> None:
    image = av.VideoFrame(*(stored if rotation == 0 else stored[::-1]), "rgb24")
    encoded = Encoder("png", size=PictureSize.read(size)).encode(Picture(image, rotation))
    assert (encoded.width, encoded.height) == found == pixels_of(encoded.content).shape[1::-1]


@pytest.mark.parametrize("aspect", ["16/11", "8/9", "2/1"])
def test_pixels_are_made_square(ffmpeg: Path, tmp_path: Path, aspect: str) -> None:
    video = clip(ffmpeg, tmp_path / "shaped.mp4", "-vf", f"setsar={aspect}", *X264)
    expected = by_ffmpeg(ffmpeg, video, SQUARED)
    assert expected.shape[1] == round(160 * Fraction(aspect))
    assert psnr(written(video, Encoder("png")), expected) == 99
    as_stored = written(video, Encoder("png", keep_pixels=True))
    assert psnr(as_stored, by_ffmpeg(ffmpeg, video, f"scale={ACCURATE}")) == 99
    fitted = Encoder("png", size=PictureSize.read("100x100")).encode(Picture(decoded(video)))
    shown = 160 * Fraction(aspect) / 96
    assert (fitted.width, fitted.height) == (100, round(100 / shown))


def test_pixels_of_a_picture_on_its_side_are_made_square_before_it_is_turned() -> None:
    wide = Picture(av.VideoFrame(100, 40, "yuv420p"), 90, pixel_aspect=Fraction(2))
    encoded = Encoder("png").encode(wide)
    assert (encoded.width, encoded.height) == (40, 200)


def test_a_shape_that_changes_on_the_way_is_that_of_each_picture(
    ffmpeg: Path, tmp_path: Path
) -> None:
    parts = [
        clip(ffmpeg, tmp_path / f"{name}.ts", "-vf", f"setsar={aspect}", *X264, "-bf", "0")
        for name, aspect in (("narrow", "1"), ("wide", "4/3"))
    ]
    video = tmp_path / "both.ts"
    video.write_bytes(b"".join(part.read_bytes() for part in parts))
    encoder = Encoder("png")
    sizes = {written(video, encoder, index).shape for index in (0, 10)}
    assert sizes == {(96, 160, 3)}
    assert written(video, encoder, 40).shape == (96, 213, 3)
    assert written(video, encoder, 0).shape == (96, 160, 3)


@pytest.mark.parametrize("aspect", [Fraction(1, 10_000), Fraction(10_000)])
def test_a_shape_that_cannot_be_is_a_mistake(aspect: Fraction) -> None:
    picture = Picture(av.VideoFrame(160, 96, "yuv420p"), pixel_aspect=aspect)
    encoded = Encoder("png").encode(picture)
    assert (encoded.width, encoded.height) == (160, 96)


def test_one_converter_gives_the_same_for_any_order_of_pictures(made: Clip) -> None:
    images = [
        decoded(made("a.mp4", *X264)),
        decoded(made("b.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv422p10le")),
        decoded(made("c.mkv", "-c:v", "ffv1", "-pix_fmt", "gray", "-s", "90x70")),
    ]
    one = Converter()
    forward = [one.to_8_bits(image).tobytes() for image in images]
    backward = [one.to_8_bits(image).tobytes() for image in images[::-1]]
    assert forward == backward[::-1]
    assert forward == [Converter().to_8_bits(i).tobytes() for i in images]


@pytest.mark.parametrize("pixels", ["yaf32le", "yaf32be"])
def test_what_libswscale_dies_of_is_an_error_of_the_feed(pixels: str) -> None:
    picture = Picture(av.VideoFrame(16, 16, pixels))
    for look in (
        Encoder("png").encode,
        CpuThumbnailer().luma_grid,
        CpuThumbnailer().luma_rows,
        lambda picture: CpuThumbnailer().thumbnail(picture, View(8)),
        lambda picture: CpuThumbnailer().thumbnail(picture, View(8, 0.9, "bicubic")),
    ):
        with pytest.raises(SourceError, match="floating point"):
            look(picture)


@pytest.mark.parametrize(
    ("pixels", "channels"),
    [("yuva420p", 4), ("rgba", 4), ("ya8", 4), ("pal8", 4), ("gray", None), ("yuv420p", 3)],
)
def test_alpha_and_gray_are_kept(pixels: str, channels: int | None) -> None:
    converted = Converter().to_8_bits(av.VideoFrame(32, 16, pixels))
    assert converted.shape == ((16, 32) if channels is None else (16, 32, channels))
