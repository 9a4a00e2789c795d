"""What a container asks players for is done: its crop, and its own shape of pixels."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamsel.frame import View
from streamsel.sinks.pictures import Encoder
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.pixels.peers import ACCURATE, SOFT, by_ffmpeg, clip, pixels_of, psnr

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
Edges = tuple[int, int, int, int]


def with_pixel_crop(ffmpeg: Path, folder: Path) -> tuple[Path, Edges]:
    """Matroska with its display size turned into a crop of the same length."""
    path = clip(ffmpeg, folder / "a.mkv", *X264, "-aspect", "2:1", "-write_crc32", "0", source=SOFT)
    content = path.read_bytes()
    for was, wanted in (
        (b"\x54\xb0\x81", b"\x54\xcc\x81\x10"),
        (b"\x54\xba\x81", b"\x54\xbb\x81\x08"),
    ):
        at = content.index(was)
        content = content[:at] + wanted + content[at + 4 :]
    path.write_bytes(content)
    return path, (16, 8, 0, 0)


def with_clean_aperture(ffmpeg: Path, folder: Path) -> tuple[Path, Edges]:
    """MP4 with a clap box: 128x80, its middle 8 pixels to the right and 4 up."""
    path = clip(ffmpeg, folder / "a.mp4", *X264, source=SOFT)
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", 128, 1, 80, 1, 8, 1, -4, 1)
    way = [(b"moov", 0), (b"trak", 0), (b"mdia", 0), (b"minf", 0), (b"stbl", 0), (b"stsd", 8)]
    path.write_bytes(put_in(path.read_bytes(), [*way, (b"avc1", 78)], clap))
    return path, (24, 4, 8, 12)


def put_in(content: bytes, way: list[tuple[bytes, int]], box: bytes) -> bytes:
    """Append a box to the one at the end of the way; each has fields before the boxes in it."""
    if not way:
        return content + box
    (name, fields), *rest = way
    at = 0
    while content[at + 4 : at + 8] != name:
        at += int.from_bytes(content[at : at + 4])
    end = at + int.from_bytes(content[at : at + 4])
    body = content[at + 8 : end]
    body = body[:fields] + put_in(body[fields:], rest, box)
    return content[:at] + struct.pack(">I", len(body) + 8) + name + body + content[end:]


@pytest.mark.parametrize("make", [with_pixel_crop, with_clean_aperture])
@pytest.mark.parametrize("filters", [None, "null"])
def test_the_crop_of_a_container_is_applied_to_all_that_is_seen(
    ffmpeg: Path,
    tmp_path: Path,
    make: Callable[[Path, Path], tuple[Path, Edges]],
    filters: str | None,
) -> None:
    path, (left, top, right, bottom) = make(ffmpeg, tmp_path)
    size = (160 - left - right, 96 - top - bottom)
    source = FileSource("a", str(path), filters=filters)
    frames = list(source.frames())
    assert len(frames) == 25
    assert {(frame.width, frame.height) for frame in frames} == {size}
    crop = f"crop={size[0]}:{size[1]}:{left}:{top}:exact=1"
    expected = by_ffmpeg(ffmpeg, path, f"{crop},scale={ACCURATE}", 7)
    encoder = Encoder("png", keep_pixels=True)
    assert psnr(pixels_of(encoder.encode(frames[7].picture).content), expected) == 99
    fetched = next(source.fetch([7]))
    assert psnr(pixels_of(encoder.encode(fetched.picture).content), expected) == 99
    assert fetched.pts == frames[7].pts
    seen = CpuThumbnailer().thumbnail(frames[7].picture, View(8))
    averaged = expected[: size[1] // 8 * 8, : size[0] // 8 * 8].astype(float)
    averaged = averaged.reshape(8, size[1] // 8, 8, size[0] // 8, 3).mean(axis=(1, 3))
    assert np.abs(seen - averaged).mean() < 6


@pytest.mark.parametrize("filters", [None, "null"])
@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_a_container_overrules_the_shape_that_pictures_say(
    ffmpeg: Path, tmp_path: Path, name: str, filters: str | None
) -> None:
    inner = clip(ffmpeg, tmp_path / "inner.mp4", "-vf", "setsar=16/11", *X264)
    path = tmp_path / name
    remux(ffmpeg, path, ["-i", str(inner), "-c", "copy", "-aspect", "2:1"])
    (frame, *_) = FileSource("a", str(path), filters=filters).frames()
    encoded = Encoder("png").encode(frame.picture)
    assert Fraction(encoded.width, encoded.height) == 2


def test_a_mirrored_picture_has_its_shape_too(ffmpeg: Path, tmp_path: Path) -> None:
    inner = clip(ffmpeg, tmp_path / "inner.mp4", "-vf", "setsar=2", *X264)
    path = tmp_path / "turned.mp4"
    remux(ffmpeg, path, ["-i", str(inner), "-c", "copy"])
    content = path.read_bytes()
    unturned = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    mirrored = struct.pack(">9i", 0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
    at = content.index(unturned, content.index(b"tkhd"))
    path.write_bytes(content[:at] + mirrored + content[at + 36 :])
    (frame, *_) = FileSource("a", str(path)).frames()
    encoded = Encoder("png").encode(frame.picture)
    assert Fraction(encoded.width, encoded.height) == Fraction(96, 320)


def remux(ffmpeg: Path, path: Path, arguments: list[str]) -> None:
    subprocess.run([ffmpeg, "-v", "error", *arguments, path], check=True)
