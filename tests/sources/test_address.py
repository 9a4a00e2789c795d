from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.address import expand, natural_order, slug


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with videos, images, both, neither and hidden things."""
    for name in (
        "day10.mp4",
        "day9.MP4",
        "notes.txt",
        ".hidden.mp4",
        "frames/i10.png",
        "frames/i9.png",
        "mixed/clip.mkv",
        "mixed/cover.jpg",
        "empty/readme.md",
        "deep/er/walk.mov",
        ".cache/x.mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def found(*arguments: object, **options: object) -> list[tuple[str, int | None]]:
    """Feed names, and how many images each has."""
    expansion = expand([str(argument) for argument in arguments], **options)
    assert not expansion.errors
    return [(one.feed, one.images and len(one.images)) for one in expansion.inputs]


def test_a_file_is_a_feed_named_by_its_stem(tree):
    (one,) = expand([str(tree / "day9.MP4")]).inputs
    assert (one.feed, one.location, one.images) == ("day9", str(tree / "day9.MP4"), None)


def test_a_folder_gives_its_videos_recursively_and_images_by_folder(tree):
    assert found(tree) == [
        ("day9", None),
        ("day10", None),
        ("walk", None),
        ("frames", 2),
        ("mixed", 1),
        ("clip", None),
    ]


def test_images_come_in_natural_order(tree):
    (one,) = expand([str(tree / "frames")]).inputs
    assert [Path(path).name for path in one.images] == ["i9.png", "i10.png"]


def test_a_glob_of_images_is_one_feed(tree):
    assert found(tree / "frames" / "*.png") == [("frames", 2)]
    assert found(tree / "*.[mM][pP]4") == [("day9", None), ("day10", None)]
    assert found(tree / "**" / "*.mov") == [("walk", None)]


def test_images_that_the_shell_expanded_are_one_feed(tree):
    frames = tree / "frames"
    assert found(frames / "i9.png", frames / "i10.png", tree / "day9.MP4") == [
        ("frames", 2),
        ("day9", None),
    ]
    assert found(frames / "i9.png") == [("i9", 1)]


def test_the_output_folder_is_left_out_of_a_search(tree):
    names = [name for name, _ in found(tree, leave_out=[tree / "frames"])]
    assert "frames" not in names
    assert "mixed" in names


def test_what_is_wrong_is_collected_and_the_rest_found(tree):
    fifo = tree / "pipe.mp4"
    os.mkfifo(fifo)
    expansion = expand(
        [
            str(tree / "none.mp4"),
            str(fifo),
            str(tree / "empty"),
            str(tree / "*.xyz"),
            "rtsp://user:secret@cam/main",
            "",
            "bad\0name",
            "file\udcff.mp4",
            "http://",
            str(tree / "day9.MP4"),
        ]
    )
    assert [one.feed for one in expansion.inputs] == ["day9"]
    messages = [str(error) for error in expansion.errors]
    for message, part in zip(
        messages,
        [
            "does not exist; check the path",
            "is a pipe or a device",
            "holds no video and no image",
            "no video or image matches",
            "rtsp:// is not read here",
            "not a path",
            "not a path",
            "not valid UTF-8",
            "names no host",
        ],
        strict=True,
    ):
        assert part in message
        assert "secret" not in message
        assert message.isprintable()


def test_a_device_is_refused():
    (error,) = expand(["/dev/zero"]).errors
    assert "device" in str(error)


def test_urls_are_named_and_masked():
    (one,) = expand(["https://me:pw@host.example/a/Clip%20one.mp4?token=abc&x=1"]).inputs
    assert one.feed == "Clip-one"
    assert one.address == "https://me:***@host.example/a/Clip%20one.mp4?token=***&x=1"
    assert "pw" not in repr(one)
    assert "abc" not in repr(one)


def test_equal_names_are_numbered_in_order(tmp_path):
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walk.mp4").touch()
    (tmp_path / "b" / "Walk-2.mp4").touch()
    names = [name for name, _ in found(tmp_path)]
    assert names == ["walk", "Walk-2", "walk-3", "walk-4"]
    assert found(tmp_path) == found(tmp_path)


@given(st.lists(st.text(max_size=150), max_size=5))
def test_every_name_is_a_safe_folder_name(names):
    for name in names:
        safe = slug(name)
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", safe)
        assert slug(safe) == safe


@given(st.text(max_size=12), st.text(max_size=12))
def test_natural_order_is_total(left, right):
    assert (natural_order(left) < natural_order(right)) != (
        natural_order(left) >= natural_order(right)
    )


def test_results_of_earlier_runs_are_left_out_of_folders(tmp_path):
    (tmp_path / "kept" / "frames").mkdir(parents=True)
    (tmp_path / "kept" / "streamsel.db").touch()
    (tmp_path / "kept" / "frames" / "a.jpg").touch()
    (tmp_path / "b.mp4").touch()
    assert [one.feed for one in expand([str(tmp_path)]).inputs] == ["b"]
    assert [one.feed for one in expand([str(tmp_path / "kept")]).inputs] == ["frames"]
