from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.training import pool as pool_module
from tests.embed.pictures import thumbnails
from tests.embed.training.made import teach, write_clip, write_photograph

main = importlib.import_module("streamsel.embed.training.__main__")


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(pool_module, "SHARD", 32)
    write_clip(tmp_path / "clips" / "one.mkv")
    (tmp_path / "photos").mkdir()
    write_photograph(tmp_path / "photos" / "one.png")
    options = {"teacher": "teacher.tflite", "videos": "clips", "photos": "photos"}
    return [
        part for name, place in options.items() for part in (f"--{name}", str(tmp_path / place))
    ]


def test_the_command_makes_weights_that_the_product_loads(
    material: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "load_teacher", lambda path: teach)
    digests = []
    for name in ("a.safetensors", "b.safetensors"):
        out = tmp_path / name
        arguments = [*material, "--out", str(out), "--steps", "20", "--views", "32"]
        arguments += ["--cache", str(tmp_path / "pool")]
        result = CliRunner().invoke(main.command, arguments)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{out}\n"
        assert "one.mkv: 6 frames, weight 1.00\n1 photographs\n32 views\n" in result.stderr
        embedder = BuiltinEmbedder(str(out), "cpu")
        assert embedder.embed(thumbnails(2)).shape == (2, 256)
        digests.append(embedder.digest)
    assert digests[0] == digests[1]


def test_a_missing_teacher_is_said_without_a_traceback(material: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main.command, [*material, "--out", str(tmp_path / "w"), "--steps", "20"]
    )
    assert result.exit_code == 2
    assert "streamsel: " in result.stderr
    assert "no such teacher file" in result.stderr
    assert not (tmp_path / "w").exists()


def test_a_folder_that_is_not_there_is_said_before_the_work(
    material: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "load_teacher", lambda path: teach)
    result = CliRunner().invoke(main.command, [*material, "--out", str(tmp_path / "no" / "w")])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
    assert "views" not in result.stderr
