"""Quarter turns and mirrors: what is stored, and what is shown."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import av
import numpy as np
import pytest

from streamsel.sources.decode.orientation import (
    UPRIGHT,
    Orientation,
    Turning,
    from_display_matrix,
    from_exif,
    turned_by,
)
from streamsel.sources.masks import Box
from tests.stand_ins import as_a

EVERY = [
    Orientation(rotation, mirrored)
    for rotation, mirrored in itertools.product((0, 90, 180, 270), (False, True))
]
ONE = 1 << 16


def shown(stored: np.ndarray, orientation: Orientation) -> np.ndarray:
    """What a viewer shows: turned counter-clockwise first, then mirrored."""
    turned = np.rot90(stored, orientation.rotation // 90)
    return np.fliplr(turned) if orientation.mirrored else turned


@pytest.mark.parametrize("orientation", EVERY)
def test_an_area_that_is_shown_is_found_where_it_is_stored(orientation: Orientation) -> None:
    stored = np.arange(6 * 4).reshape(4, 6)
    upright = shown(stored, orientation)
    height, width = upright.shape
    assert orientation.upright(6, 4) == (width, height)
    for box in (Box(0, 0, 2, 1), Box(1, 2, 3, 4), Box(0, 0, width, height)):
        found = orientation.stored(box, (width, height))
        assert found.left < found.right
        assert found.top < found.bottom
        cut = stored[found.top : found.bottom, found.left : found.right]
        wanted = upright[box.top : box.bottom, box.left : box.right]
        np.testing.assert_array_equal(shown(cut, orientation), wanted)


@pytest.mark.parametrize(
    ("orientation", "filters"),
    [
        (UPRIGHT, ()),
        (Orientation(0, True), ("hflip",)),
        (Orientation(180), ("hflip", "vflip")),
        (Orientation(90), ("transpose=cclock",)),
        (Orientation(270), ("transpose=clock",)),
    ],
)
def test_the_filters_are_those_that_ffmpeg_has(
    orientation: Orientation, filters: tuple[str, ...]
) -> None:
    assert orientation.filters == filters


@pytest.mark.parametrize(
    ("degrees", "rotation"), [(0, 0), (44, 0), (46, 90), (-90, 270), (450, 90), (-181, 180)]
)
def test_degrees_are_rounded_to_quarter_turns(degrees: int, rotation: int) -> None:
    assert turned_by(degrees) == Orientation(rotation)


@pytest.mark.parametrize(
    ("corners", "orientation"),
    [
        ((ONE, 0, 0, ONE), UPRIGHT),
        ((-ONE, 0, 0, ONE), Orientation(0, True)),
        ((-ONE, 0, 0, -ONE), Orientation(180)),
        ((ONE, 0, 0, -ONE), Orientation(180, True)),
        ((0, -ONE, ONE, 0), Orientation(90)),
        ((0, ONE, -ONE, 0), Orientation(270)),
        ((0, ONE, ONE, 0), Orientation(270, True)),
        ((0, -ONE, -ONE, 0), Orientation(90, True)),
        ((ONE, ONE // 3, -ONE // 3, ONE), UPRIGHT),
    ],
)
def test_a_display_matrix_is_a_turn_and_a_mirror(
    corners: tuple[int, ...], orientation: Orientation
) -> None:
    a, b, c, d = corners
    assert from_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30]) == orientation


def test_the_tag_of_photographs() -> None:
    by_tag = [from_exif(tag) for tag in range(1, 9)]
    assert by_tag[0] == UPRIGHT
    assert sorted(by_tag, key=str) == sorted(EVERY, key=str)
    assert from_exif(3) == Orientation(180)
    assert from_exif(8) == Orientation(90)
    assert from_exif(0) == from_exif(9) == UPRIGHT


class Image:
    """A picture whose side data cannot be listed, as with EXIF."""

    def __init__(self, rotation: int) -> None:
        self.rotation = rotation
        self.looked = 0

    @property
    def side_data(self) -> list[SimpleNamespace]:
        self.looked += 1
        raise ValueError


def test_side_data_is_read_for_the_first_picture_only_and_turns_are_followed() -> None:
    images = [Image(degrees) for degrees in (90, 90, -90, 0)]
    turning = Turning()
    assert [turning.of(as_a(av.VideoFrame, image)).rotation for image in images] == [90, 90, 270, 0]
    assert [image.looked for image in images] == [1, 0, 0, 0]
