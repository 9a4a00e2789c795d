"""What a selection would take, without writing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from streamsel.config.options import RunOptions, SelectOptions
from streamsel.wiring.forecast import Forecast, foresee_selection

ROW_BYTES = 220
BUILTIN_DIM = 256


def folder_of(path: Path, *names: str) -> str:
    path.mkdir()
    for place, name in enumerate(names):
        Image.new("RGB", (64, 48), (9 * place, 0, 0)).save(path / name)
    return str(path)


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    return [
        folder_of(tmp_path / "gate", *(f"{n}.png" for n in range(6))),
        folder_of(tmp_path / "yard", *(f"{n}.png" for n in range(3))),
    ]


def foreseen(
    inputs: list[str], folder: Path | None = None, *, count: int, per_input: bool = False
) -> Forecast:
    options = RunOptions(select=SelectOptions(count=count, per_input=per_input))
    return foresee_selection(inputs, options, folder)


def test_frames_and_bytes_follow_from_the_first_picture_of_each(
    inputs: list[str], tmp_path: Path
) -> None:
    told = foreseen(inputs, tmp_path / "kept", count=4)
    assert (told.frames, told.count, told.use) == (9, 4, "new")
    sizes = [one.picture_bytes for one in told.inputs if one.picture_bytes is not None]
    assert len(sizes) == 2
    assert told.picture_bytes == round(4 * sum(sizes) / 2)
    assert told.record_bytes == 9 * (ROW_BYTES + 4 * BUILTIN_DIM)
    assert told.free_bytes is not None
    assert told.free_bytes > 0
    assert not (tmp_path / "kept").exists()


def test_no_more_are_kept_than_there_are(inputs: list[str]) -> None:
    assert foreseen(inputs, count=99).count == 9
    assert foreseen(inputs, count=4, per_input=True).count == 4 + 3


def test_without_a_folder_nothing_is_said_of_one(inputs: list[str]) -> None:
    told = foreseen(inputs, count=4)
    assert (told.folder, told.use, told.free_bytes) == (None, None, None)
    assert told.as_json()["folder"] is None


def test_an_input_that_cannot_be_read_is_left_out_and_told(
    inputs: list[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    told = foreseen([*inputs, str(broken)], count=4)
    assert told.frames == 9
    assert told.inputs[2].error is not None
    assert list(told.errors) == ["broken"]
    assert told.record_bytes == foreseen(inputs, count=4).record_bytes


def test_the_figures_have_their_published_names(inputs: list[str], tmp_path: Path) -> None:
    told = foreseen(inputs, tmp_path / "kept", count=4)
    json: dict[str, Any] = told.as_json()
    assert json["dry_run"] is True
    assert (json["folder"], json["frames"], json["count"]) == (str(tmp_path / "kept"), 9, 4)
    assert json["bytes"] == {
        "pictures": told.picture_bytes,
        "record": told.record_bytes,
        "free": told.free_bytes,
    }
    assert json["inputs"][0]["width"] == 64
