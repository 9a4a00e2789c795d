from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from streamsel.errors import ConfigurationError, UnreadableError
from streamsel.sources.images import ImageSource
from streamsel.sources.inputs import expand
from tests.sources.media import image_of, moving_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images 1 to 12, of many kinds and sizes; the third is broken."""
    kinds = ("png", "jpg", "png", "webp", "bmp", "tiff", "ppm", "gif", "jpeg", "png", "png", "png")
    for number, kind in enumerate(kinds, start=1):
        picture = PIL.Image.fromarray(moving_picture(number, 30 + 2 * number, 24))
        path = tmp_path / f"shot{number}.{kind}"
        if kind == "gif":
            path = path.with_suffix(".png")
        picture.save(path)
    (tmp_path / "shot3.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    return tmp_path


class Asked(TypedDict, total=False):
    """Which images are asked for, and how."""

    start: float
    end: float
    fps: float
    filters: str | None


def source_of(folder: Path, **asked: Unpack[Asked]) -> ImageSource:
    (found,) = expand([str(folder)]).inputs
    assert found.images is not None
    return ImageSource(found.feed, found.images, **asked)


@pytest.mark.usefixtures("no_open_files_left")
def test_a_broken_image_is_a_warning_and_shifts_nobody(folder: Path) -> None:
    source = source_of(folder)
    frames = list(source.frames())
    assert [frame.key.index for frame in frames] == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [frame.width for frame in frames] == [32 + 2 * f.key.index for f in frames]
    assert [frame.media_time for frame in frames] == [float(f.key.index) for f in frames]
    assert [frame.pts for frame in frames] == [f.key.index for f in frames]
    assert source.expected_frames == 12
    (warning,) = source.warnings()
    assert "shot3.png is not a readable image" in warning
    assert source.address == str(folder)


def test_pixels_are_the_images(folder: Path) -> None:
    frame = next(source_of(folder).frames(start=9))
    assert frame.key.index == 9
    np.testing.assert_array_equal(
        image_of(frame).to_ndarray(format="rgb24", threads=1), moving_picture(10, 50, 24)
    )


def test_images_are_fetched_by_index(folder: Path) -> None:
    source = source_of(folder)
    seen = {
        f.key: image_of(f).to_ndarray(format="rgb24", threads=1).tobytes() for f in source.frames()
    }
    again = list(source.fetch([11, 3]))
    assert [frame.key.index for frame in again] == [3, 11]
    for frame in again:
        assert image_of(frame).to_ndarray(format="rgb24", threads=1).tobytes() == seen[frame.key]


def test_images_are_chosen_by_their_times(folder: Path) -> None:
    source = source_of(folder, start=2, end=10, fps=0.5)
    assert source.expected_frames == 4
    assert [(f.key.index, f.media_time) for f in source.frames()] == [(4, 4), (6, 6), (8, 8)]


def test_each_image_goes_through_the_filters_by_itself(folder: Path) -> None:
    frames = list(source_of(folder, filters="scale=16:16,tile=2x1").frames())
    assert [frame.key.index for frame in frames] == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert {(frame.width, frame.height) for frame in frames} == {(32, 16)}
    with pytest.raises(ConfigurationError):
        source_of(folder, filters="nope")


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_exif_orientation_is_honoured(tmp_path: Path, tag: int, kind: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / f"turned.{kind}"
    PIL.Image.fromarray(moving_picture(3, 48, 32)).save(path, exif=exif)
    (frame,) = ImageSource("x", [str(path)]).frames()
    upright = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(path)).convert("L"))
    ours = image_of(frame).to_ndarray(format="gray", threads=1)
    turned = np.rot90(ours, frame.picture.rotation // 90)
    assert turned.shape == upright.shape == (frame.height, frame.width)
    assert np.abs(turned.astype(int) - upright).mean() < 12


@pytest.mark.parametrize(
    ("filters", "failed", "why"),
    [
        (None, [3], "is not a readable image"),
        ("crop=40:20", [1, 2, 3, 4], "crop"),  # does not fit images that are less wide
        ("select=eq(1\\,0)", range(1, 13), "outputs no picture"),
    ],
)
def test_a_warning_names_its_feed_and_its_image_once(
    folder: Path, filters: str | None, failed: Sequence[int], why: str
) -> None:
    source = source_of(folder, filters=filters)
    with nullcontext() if len(failed) < 12 else pytest.raises(UnreadableError):
        list(source.frames())
    assert len(source.warnings()) == len(failed)
    for number, warning in zip(failed, source.warnings(), strict=True):
        assert warning.startswith(f"feed '{source.feed}': {folder}/shot{number}.")
        assert warning.count(f"feed '{source.feed}'") == 1
        assert why in warning or number == 3


def test_no_readable_image_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    source = ImageSource("x", [str(tmp_path / "a.png"), str(tmp_path / "gone.png")])
    with pytest.raises(UnreadableError, match=r"^feed 'x': .*a\.png is not a readable image"):
        list(source.frames())
    assert len(source.warnings()) == 2


def test_many_broken_images_are_summed_up(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"gone{i}.png") for i in range(50)]
    source = ImageSource("x", paths)
    with pytest.raises(UnreadableError):
        list(source.frames())
    assert len(source.warnings()) == 21
    assert "30 more images" in source.warnings()[-1]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.jpeg", "a%03d.jpg"])
def test_a_plain_jpeg_is_read_whatever_wrote_it(tmp_path: Path, name: str, ffmpeg: Path) -> None:
    path = tmp_path / name
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", "-f", "mjpeg"]
    subprocess.run([ffmpeg, "-v", "error", *source, path], check=True)
    (frame,) = ImageSource("a", [str(path)]).frames()
    assert (frame.width, frame.height) == (64, 48)
