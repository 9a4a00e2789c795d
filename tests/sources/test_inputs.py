from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.container import opening
from streamsel.sources.inputs import expand, natural_order
from streamsel.sources.naming import slug
from streamsel.sources.walk import SUFFIXES


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


def found(*arguments: object, leave_out: Sequence[Path] = ()) -> list[tuple[str, int | None]]:
    """Feed names, and how many images each has."""
    expansion = expand([str(argument) for argument in arguments], leave_out=leave_out)
    assert not expansion.errors
    counts = [None if one.images is None else len(one.images) for one in expansion.inputs]
    return list(zip((one.feed for one in expansion.inputs), counts, strict=True))


def test_a_file_is_a_feed_named_by_its_stem(tree: Path) -> None:
    (one,) = expand([str(tree / "day9.MP4")]).inputs
    assert (one.feed, one.location, one.images) == ("day9", str(tree / "day9.MP4"), None)


def test_a_folder_gives_its_videos_recursively_and_images_by_folder(tree: Path) -> None:
    assert found(tree) == [
        ("day9", None),
        ("day10", None),
        ("walk", None),
        ("frames", 2),
        ("mixed", 1),
        ("clip", None),
    ]


def test_images_come_in_natural_order(tree: Path) -> None:
    (one,) = expand([str(tree / "frames")]).inputs
    assert one.images is not None
    assert [Path(path).name for path in one.images] == ["i9.png", "i10.png"]


def test_a_glob_of_images_is_one_feed(tree: Path) -> None:
    assert found(tree / "frames" / "*.png") == [("frames", 2)]
    assert found(tree / "*.[mM][pP]4") == [("day9", None), ("day10", None)]
    assert found(tree / "**" / "*.mov") == [("walk", None)]


def test_images_that_the_shell_expanded_are_one_feed(tree: Path) -> None:
    frames = tree / "frames"
    assert found(frames / "i9.png", frames / "i10.png", tree / "day9.MP4") == [
        ("frames", 2),
        ("day9", None),
    ]
    assert found(frames / "i9.png") == [("i9", 1)]


def test_the_output_folder_is_left_out_of_a_search(tree: Path) -> None:
    names = [name for name, _ in found(tree, leave_out=[tree / "frames"])]
    assert "frames" not in names
    assert "mixed" in names


def test_what_is_wrong_is_collected_and_the_rest_found(tree: Path) -> None:
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
            "contains no video and no image",
            "no video or image matches",
            "rtsp:// is not supported here",
            "not a path",
            "not a path",
            "not valid UTF-8",
            "has no host",
        ],
        strict=True,
    ):
        assert part in message
        assert "secret" not in message
        assert message.isprintable()


def test_a_device_is_refused() -> None:
    (error,) = expand(["/dev/zero"]).errors
    assert "device" in str(error)


def test_urls_are_named_and_masked() -> None:
    (one,) = expand(["https://me:pw@host.example/a/Clip%20one.mp4?token=abc&x=1"]).inputs
    assert one.feed == "Clip-one"
    assert one.address == "https://me:***@host.example/a/Clip%20one.mp4?token=***&x=1"
    assert "pw" not in repr(one)
    assert "abc" not in repr(one)


def laid_out(root: Path, *names: str) -> list[str]:
    """Make empty files; return their paths."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return [str(root / name) for name in names]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["day1/walk.mp4", "day2/walk.mp4"], ["day1-walk", "day2-walk"]),
        (["day1/walk.mp4", "day2/Walk.mkv", "x.mp4"], ["day1-walk", "day2-Walk", "x"]),
        (["a/day/walk.mp4", "b/day/walk.mp4"], ["a-day-walk", "b-day-walk"]),
        (["walk.mp4", "walk.mkv"], ["walk", "walk-2"]),
        (["a/walk.mp4", "a/walk.mkv", "b/walk.mp4"], ["a-walk", "a-walk-2", "b-walk"]),
        (["a/walk.mp4", "b/walk.mp4", "a-walk.mp4"], ["a-walk-2", "b-walk", "a-walk"]),
        (["утро/прогулка.mp4", "вечер/двор.mp4"], ["feed", "feed-2"]),
        (["day 1/Прогулка.mp4", "day 2/Прогулка.mp4"], ["day-1", "day-2"]),
    ],
)
def test_the_folder_tells_equal_names_apart(
    tmp_path: Path, files: list[str], names: list[str]
) -> None:
    paths = laid_out(tmp_path, *files)
    assert [name for name, _ in found(*paths)] == names


def test_feeds_are_shown_as_people_wrote_them(tmp_path: Path) -> None:
    paths = laid_out(tmp_path, "Утро/Прогулка 1.mp4", "Вечер/Прогулка 1.mp4", "Gate 3, north.mp4")
    shown = [one.display_name for one in expand(paths).inputs]
    assert shown == ["Утро/Прогулка 1", "Вечер/Прогулка 1", "Gate 3, north"]


def test_urls_are_told_apart_by_their_folders_then_their_hosts() -> None:
    first = ["https://h/day1/walk.mp4?token=canary", "https://h/day2/walk.mp4"]
    assert [name for name, _ in found(*first)] == ["day1-walk", "day2-walk"]
    hosts = ["https://u:canary@one.example/walk.mp4", "https://two.example/walk.mp4"]
    assert [name for name, _ in found(*hosts)] == ["one.example-walk", "two.example-walk"]


def test_a_token_in_a_url_is_no_part_of_a_name() -> None:
    token = "0123456789abcdef" * 2
    inputs = expand([f"https://h.example/{token}", f"https://h.example/{token}/clip.mp4"]).inputs
    assert [one.feed for one in inputs] == ["h.example", "clip"]
    assert token not in "".join(f"{one.display_name}{one.address}" for one in inputs)


def test_linked_folders_are_searched_once_and_loops_are_cut(tmp_path: Path) -> None:
    laid_out(tmp_path, "in/a.mp4", "in/sub/b.mp4", "elsewhere/c.mp4", "elsewhere/deep/d.mp4")
    root = tmp_path / "in"
    (root / "0-again").symlink_to(root / "sub")
    (root / "loop").symlink_to(root)
    (root / "sub" / "up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    names = [name for name, _ in found(root)]
    assert sorted(names) == ["a", "b", "c", "d"]
    (named,) = [one for one in expand([str(root)]).inputs if one.feed == "b"]
    assert named.location == str(root / "sub" / "b.mp4")


def test_a_link_to_what_is_not_there_is_named(tmp_path: Path) -> None:
    laid_out(tmp_path, "a.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    expansion = expand([str(tmp_path)])
    assert [one.feed for one in expansion.inputs] == ["a"]
    (error,) = map(str, expansion.errors)
    assert "gone.mp4: is a broken link" in error


def test_names_that_are_no_text_are_named(tmp_path: Path) -> None:
    laid_out(tmp_path, "a.mp4")
    for name in (b"\xff.mp4", b"\xfe.txt"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).touch()
    for asked in (tmp_path, tmp_path / "*"):
        expansion = expand([str(asked)])
        assert [one.feed for one in expansion.inputs] == ["a"]
        (error,) = map(str, expansion.errors)
        assert error.endswith("/?.mp4: the name is not valid UTF-8; rename it")


def test_what_is_no_input_is_passed_over_and_named(tree: Path) -> None:
    passed = {Path(path).name for path in expand([str(tree)]).passed_over}
    assert passed == {"notes.txt", "readme.md"}
    assert expand([str(tree / "day9.MP4")]).passed_over == ()


def _endings(demuxer: str) -> set[str]:
    try:
        return set(av.ContainerFormat(demuxer, "r").extensions)
    except ValueError:
        return set()  # only FFmpeg's name of a muxer, or of none in this build


_SOUND = {"aac", "ac3", "ec3", "eac3", "flac", "m2a", "m4a", "m4b", "mka", "mp2", "mp3", "mpa"}
_NOT_VIDEOS = {"mks", "avs", "mpo", "ism", "isma"}
"""Subtitles; scripts of AviSynth, besides Chinese AVS; stereo photographs; lists and sound."""


def test_every_ending_that_the_demuxers_know_is_searched_for() -> None:
    known = {ending for name in opening._CONTAINERS.split(",") for ending in _endings(name)}
    lacking = {one for one in known - _SOUND - _NOT_VIDEOS if f".{one}" not in SUFFIXES}
    assert lacking == set()
    others = "264 265 dav insv 360 lrv mod tod m2p vro m2ts mpg wmv mxf"
    assert {f".{one}" for one in others.split()} <= SUFFIXES


@given(st.lists(st.text(max_size=150), max_size=5))
def test_every_name_is_a_safe_folder_name(names: list[str]) -> None:
    for name in names:
        safe = slug(name)
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", safe)
        assert slug(safe) == safe


@given(st.text(max_size=12), st.text(max_size=12))
def test_natural_order_is_total(left: str, right: str) -> None:
    assert (natural_order(left) < natural_order(right)) != (
        natural_order(left) >= natural_order(right)
    )


def test_results_of_earlier_runs_are_left_out_of_folders(tmp_path: Path) -> None:
    (tmp_path / "kept" / "frames").mkdir(parents=True)
    (tmp_path / "kept" / "streamsel.db").touch()
    (tmp_path / "kept" / "frames" / "a.jpg").touch()
    (tmp_path / "b.mp4").touch()
    assert [one.feed for one in expand([str(tmp_path)]).inputs] == ["b"]
    assert [one.feed for one in expand([str(tmp_path / "kept")]).inputs] == ["frames"]
