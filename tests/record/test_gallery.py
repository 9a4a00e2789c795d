"""The newest kept frames of a service, and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from streamsel.frame import FrameKey
from streamsel.record.gallery import FrameView, Gallery
from tests.sinks.live_streams import BEGIN, FRAME_SECONDS, keeping, opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 0 to 4 were kept, and 1 was evicted."""
    place = tmp_path_factory.mktemp("service")
    sink = opened(place)
    for index in range(4):
        sink.apply(keeping(index))
    sink.apply(keeping(4, 1))
    sink.set_pinned(FrameKey("gate", 2), True)
    sink.close()
    return place


@pytest.fixture
def gallery(folder: Path) -> Iterator[Gallery]:
    with Gallery.open(folder) as opened_gallery:
        yield opened_gallery


def indices(frames: Iterable[FrameView]) -> list[int]:
    return [one.key.index for one in frames]


def test_the_newest_come_first(gallery: Gallery) -> None:
    assert indices(gallery.newest(None, 9, None)) == [4, 3, 2, 0]
    assert indices(gallery.newest("gate", 2, None)) == [4, 3]
    assert gallery.newest("yard", 9, None) == []


@pytest.mark.parametrize(
    ("before", "left"),
    [
        ((BEGIN + 3 * FRAME_SECONDS, "gate", 3), [2, 0]),
        ((BEGIN + 3 * FRAME_SECONDS, "gate", 4), [3, 2, 0]),
        ((BEGIN + 3 * FRAME_SECONDS, "", -1), [2, 0]),
        ((BEGIN, "gate", 0), []),
    ],
)
def test_a_list_goes_on_after_a_frame(
    gallery: Gallery, before: tuple[float, str, int], left: list[int]
) -> None:
    assert indices(gallery.newest(None, 9, before)) == left


def test_frames_are_found_in_the_order_asked_for(gallery: Gallery) -> None:
    keys = [FrameKey("gate", index) for index in (3, 1, 0, 99)]
    assert indices(gallery.find(keys)) == [3, 0]
    assert gallery.find([]) == []


def test_a_frame_is_told_with_its_picture_and_its_nearest(gallery: Gallery, folder: Path) -> None:
    (frame,) = gallery.find([FrameKey("gate", 2)])
    assert (frame.wall_time, frame.media_time) == (BEGIN + 2 * FRAME_SECONDS, 2 * FRAME_SECONDS)
    picture = frame.picture
    assert (picture.width, picture.height, picture.bytes) == (64, 48, 1_000)
    assert (folder / picture.path).stat().st_size == picture.bytes
    assert (frame.distance, frame.nearest, frame.reason) == (0.25, FrameKey("gate", 0), "novel")
    assert frame.pinned
    assert not gallery.find([FrameKey("gate", 3)])[0].pinned


def test_only_pictures_of_kept_frames_are_claimed(gallery: Gallery) -> None:
    (frame,) = gallery.find([FrameKey("gate", 2)])
    assert gallery.claims(frame.picture.path)
    assert not gallery.claims(frame.picture.path.replace("000002", "000001"))
    assert not gallery.claims("../streamsel.db")
