"""Inputs that are opened together: masks in pixels are bound to the first one that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from streamsel.config.options import ReadOptions
from streamsel.errors import UnreadableError
from streamsel.wiring.inputs import open_sources

MASK = "4px,4px,8px,8px:black"


def image(path: Path, width: int, height: int) -> str:
    Image.new("RGB", (width, height)).save(path)
    return str(path)


def broken(path: Path) -> str:
    path.write_bytes(b"no video")
    return str(path)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_mask_in_pixels_is_for_the_size_of_the_first_that_can_be_read(
    tmp_path: Path, place: int
) -> None:
    inputs = [
        *(broken(tmp_path / f"{n}.mp4") for n in range(place)),
        image(tmp_path / "wide.png", 64, 48),
        image(tmp_path / "high.png", 48, 64),
    ]
    (mask,) = open_sources(inputs, ReadOptions(mask=(MASK,))).read.mask
    assert "64x48" in mask


def test_a_mask_that_has_its_size_keeps_it(tmp_path: Path) -> None:
    first = image(tmp_path / "first.png", 64, 48)
    (bound,) = open_sources([first], ReadOptions(mask=(MASK,))).read.mask
    other = image(tmp_path / "other.png", 32, 24)
    assert open_sources([other], ReadOptions(mask=(bound,))).read.mask == (bound,)
    bare, kept = open_sources([other], ReadOptions(mask=(MASK, bound))).read.mask
    assert "64x48" in bare
    assert kept == bound


def test_masks_in_shares_and_none_ask_nothing_of_the_inputs(tmp_path: Path) -> None:
    inputs = [broken(tmp_path / "a.mp4")]
    for mask in ((), ("0.1,0.1,0.2,0.2:black",)):
        assert open_sources(inputs, ReadOptions(mask=mask)).read.mask == mask


def test_a_mask_stays_unbound_where_nothing_can_be_read(tmp_path: Path) -> None:
    assert open_sources([broken(tmp_path / "a.mp4")], ReadOptions(mask=(MASK,))).read.mask == (
        MASK,
    )


def test_without_an_input_the_reasons_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"none\.mp4"):
        open_sources([str(tmp_path / "none.mp4")], ReadOptions())
    with pytest.raises(UnreadableError, match="no inputs"):
        open_sources([], ReadOptions())
