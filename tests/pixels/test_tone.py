"""HDR is tone-mapped: what an SDR picture was made into comes back, and light only ever rises."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from streamsel.choices import ImageFormat
from streamsel.frame import Picture, View
from streamsel.pixels.conversion import Converter
from streamsel.pixels.tone import hdr_of, to_sdr
from streamsel.sinks.pictures import Encoder
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.pixels.peers import decoded, pixels_of, psnr

Levels: TypeAlias = npt.NDArray[np.float64]

PQ, HLG, SDR = 16, 18, 1
BT2020, BT709 = 9, 1
TO_HDR = "format=gbrp,zscale=pin=709:tin=709:min=gbr:rin=full:p=2020:m=2020_ncl:r=limited:npl=203"


def dim_scene(width: int = 320, height: int = 180) -> np.ndarray:
    """Soft colours below 88 cd/m2, which no tone curve may touch."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 80 + 60 * np.sin(x / 31), 70 + 60 * np.cos(y / 23)
    rgb = np.stack([red, green, 150 * (x + y) / (width + height)], axis=2)
    rgb[40:80, 60:160] = (120, 40, 30)
    return rgb.astype(np.uint8)


def hdr_clip(ffmpeg: Path, folder: Path, scene: np.ndarray, transfer: str) -> Path:
    """Make a picture HDR by ffmpeg's zscale, and a lossless 10-bit video of it."""
    Image.fromarray(scene).save(folder / "scene.png")
    chain = f"{TO_HDR}:t={transfer},format=yuv420p10le"
    scene_png = str(folder / "scene.png")
    command = [str(ffmpeg), "-v", "error", "-i", scene_png, "-vf", chain, "-c:v", "ffv1"]
    command += ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"]
    subprocess.run([*command, folder / "hdr.mkv"], check=True)
    return folder / "hdr.mkv"


def test_what_pq_was_made_of_comes_back(ffmpeg: Path, tmp_path: Path) -> None:
    scene = dim_scene()
    image = decoded(hdr_clip(ffmpeg, tmp_path, scene, "smpte2084"))
    assert hdr_of(image) == "pq"
    for encoder, least_db in ((Encoder("png"), 40), (Encoder("jpg", 95), 36)):
        assert psnr(pixels_of(encoder.encode(Picture(image)).content), scene) > least_db
    thumbnail = CpuThumbnailer().thumbnail(Picture(image), View(16))
    small = np.asarray(Image.fromarray(scene).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(thumbnail.astype(int) - small).mean() < 4
    cropped = CpuThumbnailer().thumbnail(Picture(image), View(16, crop=0.9, scaling="bicubic"))
    middle = Image.fromarray(scene).resize((16, 16), Image.Resampling.BICUBIC, (79, 9, 241, 171))
    assert np.abs(cropped.astype(int) - np.asarray(middle)).mean() < 4


def test_what_gray_hlg_was_made_of_comes_back(ffmpeg: Path, tmp_path: Path) -> None:
    # ffmpeg's zscale has the light of the display by channel: the same for gray alone.
    scene = np.repeat(dim_scene()[:, :, 1:2], 3, axis=2)
    image = decoded(hdr_clip(ffmpeg, tmp_path, scene, "arib-std-b67"))
    assert hdr_of(image) == "hlg"
    assert psnr(pixels_of(Encoder("png").encode(Picture(image)).content), scene) > 38


def coded(levels: Levels, transfer: int, primaries: int = BT2020) -> npt.NDArray[np.int64]:
    """Tone-map R'G'B' code values in 0..1, (N, 3)."""
    image = av.VideoFrame(16, 16, "gbrp16le")
    image.color_trc, image.color_primaries = transfer, primaries
    codes = np.rint(levels[None] * 65535).astype(np.uint16)
    return np.asarray(to_sdr(codes, image)[0], np.int64)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_more_light_is_never_darker_and_gray_stays_gray(transfer: int) -> None:
    ramp = np.repeat(np.linspace(0, 1, 4001)[:, None], 3, axis=1)
    out = coded(ramp, transfer)
    assert np.ptp(out, axis=1).max() == 0
    assert (np.diff(out[:, 0]) >= 0).all()
    assert (out[0, 0], out[-1, 0]) == (0, 255)


@pytest.mark.parametrize(
    ("transfer", "code", "expected"),
    [
        # Table 1 of Report BT.2408: the code values of 203 cd/m2. BT.2390's curve: 159 cd/m2.
        (PQ, 0.5807, 230),
        (HLG, 0.75, 230),
        # 26 and 100 cd/m2 in PQ, by SMPTE ST 2084: as they are, and just above the knee.
        (PQ, 0.3800, round(255 * (26 / 203) ** (1 / 2.4))),
        (PQ, 0.5081, round(255 * (99.4 / 203) ** (1 / 2.4))),
        # 1,000 cd/m2 is the most.
        (PQ, 0.7518, 255),
        (HLG, 1.0, 255),
    ],
)
def test_levels_of_the_standards(transfer: int, code: float, expected: int) -> None:
    (found,) = coded(np.full((1, 3), code), transfer)
    assert np.abs(found - expected).max() <= 1


def displayed(codes: np.ndarray, transfer: int) -> np.ndarray:
    """Light of a display of 1,000 cd/m2, by Recommendation ITU-R BT.2100-2."""
    if transfer == PQ:
        root = codes ** (32 / 2523)
        power = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
        return np.minimum(10_000 * power ** (16384 / 2610), 1000)
    high = (np.exp((codes - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(codes <= 0.5, codes**2 / 3, high)
    luminance = scene @ [0.2627, 0.6780, 0.0593]
    return 1000 * scene * luminance[:, None] ** 0.2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_colours_are_those_of_the_standards(transfer: int) -> None:
    codes = np.random.default_rng(0).uniform(0, 1, (3000, 3))
    light = displayed(codes, transfer)
    dim = light.max(axis=1) < 88  # below the knee, where the curve changes nothing
    assert dim.sum() > 50
    to_bt709 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    expected = ((light @ np.transpose(to_bt709)) / 203).clip(0, 1) ** (1 / 2.4) * 255
    found = coded(codes, transfer)
    assert np.abs(found - expected)[dim & (expected.min(axis=1) > 16)].max() < 1.5
    assert np.abs(found - expected)[dim].max() < 6  # a step of PQ is coarse where it is dark
    assert (found[~dim].max(axis=1) > 100).all()


def test_wide_primaries_become_those_of_sdr() -> None:
    red = np.array([[0.4, 0.0, 0.0]])
    assert (coded(red, PQ, BT2020)[0] > coded(red, PQ, BT709)[0]).tolist() == [True, False, False]
    # What of BT.709's red is in BT.2020, by its matrix, is red alone again.
    linear = np.array([0.6274, 0.0691, 0.0164]) * 50 / 10_000
    power = linear ** (2610 / 16384)
    pq = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    red, green, blue = coded(pq[None], PQ)[0]
    assert abs(red - round(255 * (50 / 203) ** (1 / 2.4))) <= 1
    assert max(green, blue) < 16


def test_sdr_is_left_alone() -> None:
    image = av.VideoFrame.from_ndarray(dim_scene(), format="rgb24")
    image.color_trc = SDR
    assert hdr_of(image) is None
    written = pixels_of(Encoder("png", keep_hdr=True).encode(Picture(image)).content)
    assert (written == dim_scene()).all()


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize(
    ("format", "pixels", "least_db"), [("png", "rgb48be", 99), ("avif", "yuv420p10le", 38)]
)
def test_hdr_is_kept_when_asked(
    ffmpeg: Path, tmp_path: Path, format: ImageFormat, pixels: str, least_db: int, rotation: int
) -> None:
    image = decoded(hdr_clip(ffmpeg, tmp_path, dim_scene(320, 180), "smpte2084"))
    encoder = Encoder(format, keep_hdr=True)
    encoded = encoder.encode(Picture(image, rotation))
    assert encoder.encode(Picture(image, rotation)) == encoded
    assert encoder.suffix == format
    with av.open(io.BytesIO(encoded.content), "r") as container:
        kept = next(container.decode(video=0))
    assert kept.format.name == pixels
    assert (kept.color_trc, kept.color_primaries) == (PQ, BT2020)
    assert (kept.width, kept.height) == (encoded.width, encoded.height)
    truth = Converter().to_16_bits(image)
    found = Converter().to_16_bits(kept)
    found = np.rot90(found, -(rotation // 90))
    error = float(np.mean((found.astype(float) - truth) ** 2))
    assert error == 0 if least_db == 99 else 10 * np.log10(65535**2 / error) > least_db


@pytest.mark.parametrize(
    ("format", "size"), [("png", (1, 1)), ("png", (3, 2)), ("avif", (4, 4)), ("avif", (17, 9))]
)
def test_the_smallest_pictures_are_kept_deep_too(
    format: ImageFormat, size: tuple[int, int]
) -> None:
    image = av.VideoFrame(*size, "yuv420p10le")
    image.color_trc, image.color_primaries, image.colorspace = PQ, BT2020, BT2020
    encoded = Encoder(format, keep_hdr=True).encode(Picture(image))
    with av.open(io.BytesIO(encoded.content), "r") as container:
        kept = next(container.decode(video=0))
    assert (kept.width, kept.height) == (encoded.width, encoded.height) == size
