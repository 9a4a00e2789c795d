"""Frames that are found again by their timestamps."""

from __future__ import annotations

import av
import numpy as np
import pytest

from streamsel.sources.container.seek_index import SeekIndex, checksum_of


def index_of(*pts: int | None, keys: tuple[int, ...] = (0,)) -> SeekIndex:
    index = SeekIndex()
    for place, one in enumerate(pts):
        index.add(one, place / 25, place in keys, None)
    return index


def image(brightness: int, pts: int | None = None) -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(np.full((96, 64), brightness, np.uint8), format="gray")
    made.pts = pts
    return made


def test_frames_with_rising_timestamps_can_be_sought() -> None:
    index = index_of(10, 20, 30, keys=(0, 2))
    assert [index.can_seek(place) for place in range(4)] == [True, True, True, False]
    assert [index.key_before(place) for place in range(3)] == [0, 0, 2]
    assert [index.pts(place) for place in range(3)] == [10, 20, 30]
    assert index.time(2) == 2 / 25
    assert len(index) == 3


@pytest.mark.parametrize("pts", [(10, 10), (10, 9), (10, None), (None, 10)])
def test_timestamps_that_tell_frames_not_apart_are_not_used(
    pts: tuple[int | None, int | None],
) -> None:
    assert not index_of(*pts).can_seek(0)


def test_without_a_keyframe_there_is_nowhere_to_begin() -> None:
    index = index_of(10, 20, keys=())
    assert not index.can_seek(1)
    assert index.key_before(1) == 0
    assert not SeekIndex().can_seek(0)


def test_a_picture_is_found_by_its_timestamp() -> None:
    index = index_of(10, 20, 30)
    assert [index.index_of(image(0, pts)) for pts in (10, 30, 15, 40, None)] == [
        *(0, 2, None, None, None)
    ]


def test_a_picture_is_known_again_by_its_pixels() -> None:
    index = SeekIndex()
    index.add(10, 0.0, True, image(5))
    index.add(20, 0.1, False, None)
    assert index.is_same(image(5), 0)
    assert not index.is_same(image(6), 0)
    assert index.is_same(image(6), 1)


@pytest.mark.parametrize("pixels", ["gray", "yuv420p", "gray16le", "rgb24"])
@pytest.mark.parametrize("height", [2, 32, 96])
def test_a_checksum_is_of_pixels_and_not_of_padding(pixels: str, height: int) -> None:
    black = av.VideoFrame(62, height, pixels)
    for plane in black.planes:
        plane.update(bytes(plane.buffer_size))
    same = av.VideoFrame(62, height, pixels)
    for number, plane in enumerate(same.planes):
        rows = np.full((plane.buffer_size // plane.line_size, plane.line_size), 77, np.uint8)
        channels = 3 if pixels == "rgb24" else 2 if pixels == "gray16le" else 1
        if number == 0:
            rows[:, : 62 * channels] = 0
        plane.update(rows.tobytes())
    assert checksum_of(same) == checksum_of(black) != 0
