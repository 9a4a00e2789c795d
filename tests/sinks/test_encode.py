from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from streamsel.choices import ImageFormat
from streamsel.errors import ConfigurationError, SinkError, SourceError
from streamsel.frame import Picture
from streamsel.pixels.size import PictureSize
from streamsel.sinks.pictures import Encoder

TV, PC = ColorRange.MPEG, ColorRange.JPEG
KINDS = {
    "601 tv": ("yuv420p", Colorspace.SMPTE170M, 6, TV),
    "601 full": ("yuv420p", Colorspace.SMPTE170M, 6, PC),
    "709 tv": ("yuv420p", Colorspace.ITU709, 1, TV),
    "709 full": ("yuv420p", Colorspace.ITU709, 1, PC),
    "2020 10 bit": ("yuv420p10le", Colorspace.BT2020, 9, TV),
    "untagged": ("yuv420p", Colorspace.DEFAULT, 2, TV),
    "422": ("yuv422p", Colorspace.ITU709, 1, TV),
    "444": ("yuv444p", Colorspace.ITU709, 1, TV),
    "gray": ("gray", Colorspace.DEFAULT, 2, PC),
    "gray 16 bit": ("gray16le", Colorspace.DEFAULT, 2, PC),
    "rgb": ("bgr0", Colorspace.DEFAULT, 0, PC),
}


def scene(width: int = 162, height: int = 118) -> npt.NDArray[np.uint8]:
    """Soft colours with a few hard edges, (H, W, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    red = 128 + 100 * np.sin(x / 31)
    green = 128 + 100 * np.cos(y / 23)
    blue = 255 * (x + y) / (width + height)
    rgb = np.stack([red, green, blue], axis=2)
    rgb[30:60, 40:90] = (200, 40, 30)
    return rgb.astype(np.uint8)


def decoded(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


@pytest.fixture(params=sorted(KINDS))
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A lossless video of one frame, tagged with its colours."""
    format, matrix, tag, colour_range = KINDS[request.param]
    path = tmp_path / "made.mkv"
    frame = VideoReformatter().reformat(
        av.VideoFrame.from_ndarray(scene(), format="rgb24"),
        format=format,
        dst_colorspace=matrix,
        dst_color_range=colour_range,
        threads=1,
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, format
        stream.codec_context.color_range = colour_range
        stream.codec_context.colorspace = tag
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def peer(ffmpeg: Path, video: Path, tmp_path: Path) -> npt.NDArray[np.uint8]:
    """ffmpeg's own idea of the frame, as (H, W, 3) RGB."""
    out = tmp_path / "out.png"
    command = [ffmpeg, "-v", "error", "-i", video, "-frames:v", "1", "-pix_fmt", "rgb24", out]
    subprocess.run(list(map(str, command)), check=True)
    return np.asarray(Image.open(out))


@pytest.mark.parametrize(
    ("encoder", "least_db"),
    [
        (Encoder("png"), 40),
        (Encoder("jpg", 90), 34),
        (Encoder("jpg"), 34),
        (Encoder("webp", 95), 34),
    ],
)
def test_the_colours_are_those_of_ffmpeg(
    ffmpeg: Path, video: Path, tmp_path: Path, encoder: Encoder, least_db: int
) -> None:
    picture = Picture(decoded(video))
    encoded = encoder.encode(picture)
    found = opened(encoded.content)
    assert found.size == (encoded.width, encoded.height) == (162, 118)
    assert psnr(np.asarray(found.convert("RGB")), peer(ffmpeg, video, tmp_path)) > least_db
    assert encoder.encode(picture) == encoded


def test_gray_stays_gray() -> None:
    picture = Picture(av.VideoFrame.from_ndarray(scene()[:, :, 0].copy(), format="gray"))
    for format in ("jpg", "png"):
        assert opened(Encoder(format).encode(picture).content).mode == "L"


def see_through() -> Picture:
    rgba = np.concatenate([scene(), np.full((118, 162, 1), 255, np.uint8)], axis=2)
    rgba[:, :80, 3] = 0
    return Picture(av.VideoFrame.from_ndarray(rgba, format="rgba"))


@pytest.mark.parametrize("format", ["png", "webp"])
def test_alpha_is_kept_where_the_format_can(format: ImageFormat) -> None:
    alpha = np.asarray(opened(Encoder(format).encode(see_through()).content))[:, :, 3]
    assert (alpha[:, :80] == 0).all()
    assert (alpha[:, 80:] == 255).all()


def test_jpeg_lays_what_can_be_seen_through_over_black() -> None:
    pixels = np.asarray(opened(Encoder("jpg").encode(see_through()).content))
    assert pixels[:, :70].max() < 24
    assert psnr(pixels[:, 90:], scene()[:, 90:]) > 30


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (270, 3), (-90, 3)])
def test_pictures_come_out_upright(rotation: int, turns: int) -> None:
    picture = Picture(av.VideoFrame.from_ndarray(scene(), format="rgb24"), rotation)
    encoded = Encoder("png").encode(picture)
    assert (np.asarray(opened(encoded.content)) == np.rot90(scene(), turns)).all()
    assert (encoded.height, encoded.width) == np.rot90(scene(), turns).shape[:2]


@pytest.mark.parametrize("size", [(81, 59), (324, 236), (50, 200)])
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_size_is_that_of_the_upright_picture(size: tuple[int, int], rotation: int) -> None:
    picture = Picture(av.VideoFrame.from_ndarray(scene(), format="rgb24"), rotation)
    encoded = Encoder("png", size=PictureSize(*size, exact=True)).encode(picture)
    found = opened(encoded.content)
    assert found.size == size == (encoded.width, encoded.height)
    upright = Image.fromarray(np.rot90(scene(), rotation // 90))
    expected = np.asarray(upright.resize(size, Image.Resampling.BOX))
    assert psnr(np.asarray(found), expected) > 24


def test_colour_is_as_fine_in_jpeg_as_in_the_source() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    picture = Picture(av.VideoFrame.from_ndarray(stripes, format="rgb24"))
    assert psnr(np.asarray(opened(Encoder("jpg", 95).encode(picture).content)), stripes) > 30


def test_a_dropped_picture_is_refused() -> None:
    with pytest.raises(SinkError, match="dropped"):
        Encoder().encode(Picture(None))


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"format": "bmp"}, "bmp"),
        ({"format": "jpg", "quality": 0}, "1..100"),
        ({"format": "webp", "quality": 101}, "1..100"),
        ({"format": "png", "quality": 90}, "png"),
        ({"format": "jpg", "keep_hdr": True}, "cannot keep HDR"),
        ({"format": "avif"}, "keep-hdr"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(wish: dict[str, object], named: str) -> None:
    made: Callable[..., Encoder] = Encoder
    with pytest.raises(ConfigurationError, match=named):
        made(**wish)


@pytest.mark.parametrize("format", ["jpg", "webp"])
def test_a_quality_is_from_1_to_100(format: ImageFormat) -> None:
    worst, best = (
        Encoder(format, quality=quality).encode(
            Picture(av.VideoFrame.from_ndarray(scene(), format="rgb24"))
        )
        for quality in (1, 100)
    )
    assert len(worst.content) < len(best.content)


@pytest.mark.parametrize(
    ("format", "size"), [("webp", (16_384, 1)), ("jpg", (1, 65_501)), ("avif", (8, 2))]
)
def test_a_size_that_a_format_cannot_have_is_refused_with_its_reason(
    format: ImageFormat, size: tuple[int, int]
) -> None:
    picture = Picture(av.VideoFrame(*size, "gray"))
    encoder = Encoder(format, keep_hdr=format == "avif")
    with pytest.raises(SourceError, match=f"{size[0]}x{size[1]} cannot be {format}.*write png"):
        encoder.encode(picture)
