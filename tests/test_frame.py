"""A picture's pixels: held, encoded, released, referred to."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from streamsel.frame import EncodedPicture, FrameKey, Picture

BYTES = EncodedPicture(b"twelve bytes", 4, 2)


@pytest.fixture
def image() -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24")


def test_a_key_is_written_and_ordered_as_people_expect() -> None:
    assert str(FrameKey("walk", 123)) == "walk-000123"
    assert str(FrameKey("walk", 12_345_678)) == "walk-12345678"
    assert FrameKey("a", 10) < FrameKey("b", 2) < FrameKey("b", 10)


def test_another_reference_shows_the_same_picture_and_outlives_the_first(
    image: av.VideoFrame,
) -> None:
    first = Picture(image, 90, BYTES, pixel_aspect=Fraction(4, 3))
    other = first.held()
    first.drop()
    assert (first.image, first.encoded, first.held_bytes) == (None, None, 0)
    assert other.image is image
    assert (other.rotation, other.pixel_aspect) == (90, Fraction(4, 3))
    assert other.encoded is None
    assert not other.is_provisional


def test_a_picture_says_how_much_it_holds(image: av.VideoFrame) -> None:
    pixels = sum(plane.buffer_size for plane in image.planes)
    assert pixels >= 16 * 32 * 3
    for _ in range(2):
        assert Picture(image).held_bytes == pixels
    both = Picture(image, encoded=BYTES)
    assert [both.held_bytes, both.held_bytes] == [pixels + 12] * 2
    assert Picture(None, encoded=BYTES).held_bytes == 12
    assert Picture(None).held_bytes == 0


def test_a_picture_is_encoded_once_as_it_is_shown_and_its_pixels_are_released(
    image: av.VideoFrame,
) -> None:
    seen = []

    def encode(picture: Picture) -> EncodedPicture:
        seen.append((picture.image, picture.rotation, picture.pixel_aspect))
        return BYTES

    picture = Picture(image, 180, pixel_aspect=Fraction(1, 2))
    assert [picture.encode(encode), picture.encode(encode)] == [BYTES, BYTES]
    assert seen == [(image, 180, Fraction(1, 2))]
    assert (picture.image, picture.encoded, picture.held_bytes) == (None, BYTES, 12)


def test_a_picture_that_was_dropped_is_not_encoded() -> None:
    def encode(_: Picture) -> EncodedPicture:
        raise AssertionError

    assert Picture(None).encode(encode) is None


def test_a_picture_stays_whole_where_it_cannot_be_encoded(image: av.VideoFrame) -> None:
    def encode(_: Picture) -> EncodedPicture:
        raise ValueError("made up")

    picture = Picture(image)
    with pytest.raises(ValueError, match="made up"):
        picture.encode(encode)
    assert (picture.image, picture.encoded) == (image, None)
