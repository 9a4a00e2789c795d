"""Sizes of pictures as people type them."""

from __future__ import annotations

import pytest

from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("640x360", PictureSize(640, 360)),
        (" 1X1 ", PictureSize(1, 1)),
        ("640x", PictureSize(640, None)),
        ("x360", PictureSize(None, 360)),
        ("640x360!", PictureSize(640, 360, exact=True)),
    ],
)
def test_a_size_is_read_and_written_alike(text: str, size: PictureSize) -> None:
    assert PictureSize.read(text) == size
    assert PictureSize.read(str(size)) == size


@pytest.mark.parametrize(
    "text", ["", "x", "!", "640", "640!", "640x!", "x360!", "axb", "-1x5", "640x360x", "640x360!!"]
)
def test_what_is_no_size_says_what_is_one(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"640x360 to fit inside, 640x or x360.*640x360!"):
        PictureSize.read(text)


@pytest.mark.parametrize("text", ["0x1", "1x0", "20000x1", "x0", "16385x"])
def test_a_side_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"size is .* 1\.\.16,384"):
        PictureSize.read(text)


def test_a_size_without_sides_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="640x360"):
        PictureSize(None, None)
