"""A folder is searched: what is found, what is passed over, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamsel.sources.walk import RUN_MARK, Walk


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def walked(folder: Path, *excluded: Path) -> tuple[list[str], Walk]:
    walk = Walk(str(folder), frozenset(map(str, excluded)), lambda name: (name,))
    return [os.path.relpath(path, folder) for path in walk.files()], walk


def test_files_come_before_those_of_folders_and_in_order(tmp_path: Path) -> None:
    put(tmp_path, "b.mp4", "a.MKV", "2/d.jpg", "1/c.mp4", "1/0/e.mov")
    assert walked(tmp_path)[0] == ["a.MKV", "b.mp4", "1/c.mp4", "1/0/e.mov", "2/d.jpg"]


def test_what_is_no_input_is_passed_over_and_told(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4", "notes.txt", ".hidden.mp4", ".git/b.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    found, walk = walked(tmp_path)
    assert found == ["a.mp4"]
    assert sorted(map(os.path.basename, walk.passed_over)) == ["notes.txt", "pipe.mp4"]
    assert walk.errors == []


def test_outputs_and_excluded_folders_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, f"kept/{RUN_MARK}", "kept/a.jpg", "out/b.jpg", "in/c.jpg")
    assert walked(tmp_path, tmp_path / "out")[0] == ["in/c.jpg"]


def test_links_are_followed_once_after_folders(tmp_path: Path) -> None:
    put(tmp_path, "in/a.mp4", "z/b.mp4")
    (tmp_path / "in/again").symlink_to(tmp_path)
    (tmp_path / "in/there").symlink_to(tmp_path / "z")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "in/a.mp4")
    put(tmp_path / "far", "c.mp4")
    assert walked(tmp_path / "in")[0] == [
        "a.mp4",
        "again/a.mp4",
        "again/far/c.mp4",
        "again/z/b.mp4",
    ]


def test_a_folder_that_was_seen_ends_no_search(tmp_path: Path) -> None:
    put(tmp_path, "1/a.mp4", "2/b.mp4")
    (tmp_path / "0").symlink_to(tmp_path / "1")
    (tmp_path / "9").symlink_to(tmp_path / "2")
    put(tmp_path / "away", "c.mp4")
    other = tmp_path.with_name(f"{tmp_path.name}-other")
    put(other, "d.mp4")
    (tmp_path / "95").symlink_to(other)
    assert walked(tmp_path)[0] == ["1/a.mp4", "2/b.mp4", "away/c.mp4", "95/d.mp4"]


def test_what_cannot_be_read_is_told_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "1/a.mp4", "2/b.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / os.fsdecode(b"\xff.mp4")).touch()
    scan = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith("/1"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, walk = walked(tmp_path)
    assert found == ["2/b.mp4"]
    told = [str(error) for error in walk.errors]
    assert len(told) == 3
    for why in ("broken link", "not valid UTF-8", "cannot be listed (Permission denied)"):
        assert any(why in one for one in told)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    found, walk = walked(tmp_path / "none")
    assert found == []
    assert "cannot be listed" in str(walk.errors[0])


@pytest.mark.parametrize("key", [lambda name: (name,), lambda name: (-ord(name[0]),)])
def test_the_order_is_that_of_the_key(
    tmp_path: Path, key: Callable[[str], tuple[object, ...]]
) -> None:
    put(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    walk = Walk(str(tmp_path), frozenset(), key)
    names = [os.path.basename(path) for path in walk.files()]
    assert names == sorted(names, key=key)
