from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.distill import make as make_module
from streamsel.embed.distill import pool as pool_module
from streamsel.embed.distill.make import Making, make_weights
from streamsel.errors import ConfigurationError
from tests.embed.distill.made import TEACHER, write_clip, write_photograph
from tests.embed.pictures import thumbnails


@pytest.fixture
def making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Making:
    """Tiny material, and a teacher's file that only the teacher made for tests can read."""
    monkeypatch.setattr(pool_module, "SHARD", 32)
    monkeypatch.setattr(make_module, "load_teacher", lambda sources: TEACHER)
    write_clip(tmp_path / "clips" / "one.mkv")
    write_clip(tmp_path / "clips" / "yard" / "two.mkv")
    (tmp_path / "photos").mkdir()
    write_photograph(tmp_path / "photos" / "one.png")
    (tmp_path / "teacher.tflite").write_bytes(b"TFL3")
    return Making(
        teachers=(f"{tmp_path / 'teacher.tflite'}@Pool",),
        videos=tmp_path / "clips",
        photos=tmp_path / "photos",
        out=tmp_path / "made.safetensors",
        views=32,
        steps=20,
    )


def test_the_same_material_makes_the_same_weights_and_the_product_loads_them(
    making: Making, tmp_path: Path
) -> None:
    said: list[str] = []
    make_weights(making, said.append)
    assert said[:4] == [
        "one.mkv: 6 frames, weight 1.00",
        "yard/two.mkv: 6 frames, weight 1.00",
        "1 photographs",
        "32 views",
    ]
    again = replace(making, out=tmp_path / "again.safetensors", cache=tmp_path / "pool")
    make_weights(again)
    assert again.out.read_bytes() == making.out.read_bytes()
    assert BuiltinEmbedder(str(making.out), "cpu").embed(thumbnails(2)).shape == (2, 256)


def test_what_made_them_is_told_beside_them(making: Making, tmp_path: Path) -> None:
    make_weights(making)
    told = json.loads((tmp_path / "made.json").read_text())

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    assert told["weights"] == digest(making.out)
    assert told["teachers"] == {"teacher.tflite": digest(tmp_path / "teacher.tflite")}
    assert told["clips"] == {
        name: digest(making.videos / name) for name in ("one.mkv", "yard/two.mkv")
    }
    assert told["photographs"] == {"count": 1, "sha256": digest(making.photos / "one.png")}
    assert told["options"] == {"views": 32, "steps": 20, "seed": 0, "pool_seed": 1}


def test_a_folder_that_is_not_there_is_said_before_the_work(making: Making, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ConfigurationError, match="does not exist"):
        make_weights(replace(making, out=tmp_path / "no" / "w.safetensors"), said.append)
    assert not said
