from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.embed.distill.material import find_photographs, load_clips, load_photograph
from streamsel.errors import ConfigurationError
from tests.embed.distill.made import write_clip, write_photograph


def test_clips_of_one_folder_share_the_weight_of_one(tmp_path: Path) -> None:
    for name in ("yard.mkv", "hall/a.mkv", "hall/b.mkv"):
        write_clip(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no clip")
    clips = load_clips(tmp_path)
    assert {clip.name: clip.weight for clip in clips} == {
        "hall/a.mkv": 0.5,
        "hall/b.mkv": 0.5,
        "yard.mkv": 1.0,
    }
    assert all(clip.frames.shape == (6, 48, 64, 3) for clip in clips)
    assert not clips[0].frames.flags.writeable


def test_large_and_long_clips_are_thinned(tmp_path: Path) -> None:
    write_clip(tmp_path / "long.mkv", frames=401, size=(32, 24))
    write_clip(tmp_path / "large.mkv", frames=1, size=(768, 576))
    large, long = load_clips(tmp_path)
    assert large.frames.shape == (1, 288, 384, 3)
    assert len(long.frames) == 201


def test_photographs_are_found_in_order_and_read_as_rgb(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPEG"):
        write_photograph(tmp_path / name)
    paths = find_photographs(tmp_path)
    assert [path.name for path in paths] == ["a.JPEG", "b.png"]
    assert load_photograph(paths[0]).shape == (240, 320, 3)


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no file to train on"):
        load_clips(tmp_path)
    with pytest.raises(ConfigurationError, match="holds no file to train on"):
        find_photographs(tmp_path)


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    for name in ("torn.mp4", "torn.jpg"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigurationError, match=r"torn\.mp4: cannot be decoded"):
        load_clips(tmp_path)
    with pytest.raises(ConfigurationError, match=r"torn\.jpg: cannot be decoded"):
        load_photograph(tmp_path / "torn.jpg")
