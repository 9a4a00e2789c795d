"""The options of written pictures reach what is written, from the command and from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import pytest
from click.testing import CliRunner
from PIL import Image

import streamsel as package
from streamsel.choices import ImageFormat
from streamsel.cli.main import cli
from streamsel.errors import ConfigurationError
from tests.end_to_end.conftest import manifest, streamsel
from tests.pixels.peers import clip

WIDE = ("-vf", "setsar=2", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")


class PictureChoices(TypedDict, total=False):
    """What a test asks of written pictures."""

    format: ImageFormat
    quality: int
    size: str | tuple[int, int]
    keep_pixels: bool
    keep_hdr: bool


@pytest.fixture(scope="module")
def wide_clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160x96, shown as 320x96."""
    return clip(ffmpeg, tmp_path_factory.mktemp("clips") / "wide.mp4", *WIDE)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (320, 96)),
        ({"keep_pixels": True}, (160, 96)),
        ({"size": "160x"}, (160, 48)),
        ({"size": (160, 400)}, (160, 48)),
        ({"size": "50x50!", "keep_pixels": True}, (50, 50)),
    ],
)
def test_sizes_and_shapes_from_python(
    wide_clip: Path, tmp_path: Path, options: PictureChoices, size: tuple[int, int]
) -> None:
    kept = tmp_path / "kept"
    package.select(wide_clip, count=2, output=kept, **options)
    for line in manifest(kept):
        with Image.open(kept / line["path"]) as picture:
            assert picture.size == (line["width"], line["height"]) == size


def test_the_command_keeps_what_it_is_told_to_keep(wide_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    options = ["--keep-hdr", "--format", "avif", "--keep-pixels", "--size", "x48"]
    ended = streamsel("select", wide_clip, "-n", 2, "-o", kept, *options)
    assert ended.code == 0, ended.err
    assert ended.err.count("\n") < 5  # what encodes says nothing
    assert {
        (Path(line["path"]).suffix, line["width"], line["height"]) for line in manifest(kept)
    } == {(".avif", 80, 48)}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"format": "avif"}, "keep-hdr"),
        ({"format": "webp", "keep_hdr": True}, "png or avif"),
        ({"size": "640"}, "640x360"),
        ({"size": (0, 9)}, r"1\.\.16,384"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    wide_clip: Path, tmp_path: Path, options: PictureChoices, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        package.select(wide_clip, count=2, output=tmp_path / "kept", **options)
    assert not (tmp_path / "kept").exists()


def test_why_a_picture_could_not_be_written_is_said_once(wide_clip: Path, tmp_path: Path) -> None:
    asked = ["select", str(wide_clip), "-n", "2", "-o", str(tmp_path / "kept")]
    too_wide = ["--format", "webp", "--size", "16384x1!"]
    for more in ([], ["--resume"]):
        ended = CliRunner().invoke(cli, [*asked, *too_wide, *more], standalone_mode=False)
        assert ended.return_value == 1
        assert ended.stderr.count("cannot be webp, which takes 1 to 16,383 pixels a side") == 1
