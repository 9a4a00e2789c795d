"""Whatever is thrown at it: no crash, no hang, a clear line for each, and the rest is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.corpus import broken_files
from tests.end_to_end.conftest import manifest, streamsel


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return broken_files(tmp_path_factory.mktemp("corpus"))


def test_broken_inputs_do_not_stop_the_good_one(
    corpus: dict[str, Path], demo_clip: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    ended = streamsel(
        "select", *corpus.values(), demo_clip, "-n", 5, "--per-input", "--json", "-o", kept
    )
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert [line["feed"] for line in manifest(kept)].count("demo") == 5
    failed = ended.json["errors"]
    assert len(failed) >= 10
    assert all("\n" not in line for line in failed)
    assert all(line in ended.err for line in failed)


def test_only_broken_inputs(tmp_path: Path) -> None:
    (tmp_path / "note.mp4").write_text("not a video")
    ended = streamsel(
        "select", tmp_path / "note.mp4", tmp_path / "nowhere.mp4", "-n", 5, "-o", tmp_path / "kept"
    )
    assert ended.code == 1
    assert "note.mp4" in ended.err
    assert "nowhere.mp4" in ended.err
    assert "Traceback" not in ended.err


def test_no_input_at_all_is_an_error_and_makes_no_folder(tmp_path: Path) -> None:
    ended = streamsel("select", tmp_path / "nowhere.mp4", "-n", 5, "-o", tmp_path / "kept")
    assert ended.code == 1
    assert "nowhere.mp4" in ended.err
    assert not (tmp_path / "kept").exists()


def test_a_pipe_is_not_waited_for(demo_clip: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    ended = streamsel("select", pipe, demo_clip, "-n", 3, "-o", tmp_path / "kept", timeout=120)
    assert ended.code == 1
    assert "pipe.mp4" in ended.err
    assert len(manifest(tmp_path / "kept")) == 3


def test_credentials_in_an_address_are_never_shown(tmp_path: Path) -> None:
    address = "http://camera:canary-password@127.0.0.1:9/clip.mp4?token=canary-token"
    ended = streamsel("select", address, "-n", 5, "-o", tmp_path / "kept")
    assert ended.code == 1
    assert "127.0.0.1" in ended.err
    everything = ended.out + ended.err
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        everything += path.read_bytes().decode("latin-1")
    assert "canary" not in everything
