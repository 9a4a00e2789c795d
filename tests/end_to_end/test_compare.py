"""``streamsel compare``, ``embedders``, ``demo`` and the group as their user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import manifest, streamsel

METHODS = ["original", "uniform", "random", "online", "two-pass"]


def test_the_table_says_what_a_selection_is_worth(demo_clip: Path) -> None:
    ended = streamsel("compare", demo_clip, "-n", 30, "--json")
    assert ended.code == 0, ended.err
    table = ended.json
    assert (table["input"], table["count"], table["embedder"]) == ("demo", 30, "builtin")
    rows = {row["method"]: row for row in table["rows"]}
    assert list(rows) == METHODS
    assert set(rows["online"]) == {
        "method", "count", "mean", "min", "max", "p10", "p90", "radius", "radius_p99", "admitted",
    }  # fmt: skip
    assert rows["original"]["radius"] == 0
    assert rows["uniform"]["count"] == rows["random"]["count"] == rows["two-pass"]["count"] == 30
    for ours in ("online", "two-pass"):
        for baseline in ("uniform", "random"):
            assert rows[ours]["min"] > rows[baseline]["min"]
            assert rows[ours]["p10"] > rows[baseline]["p10"]
            assert rows[ours]["radius"] < rows[baseline]["radius"]
    assert rows["online"]["admitted"] <= 3 * 30
    assert rows["two-pass"]["admitted"] == 30


def test_the_same_table_as_text_and_as_a_plot(demo_clip: Path, tmp_path: Path) -> None:
    ended = streamsel("compare", demo_clip, "-n", 10, "--plot", tmp_path / "plot.png")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines[-5:]] == METHODS
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    refused = streamsel("compare", demo_clip, "--plot", tmp_path / "plot.doc")
    assert refused.code == 2
    assert ".svg" in refused.err


def test_a_table_for_each_input(demo_clip: Path, second_clip: Path, tmp_path: Path) -> None:
    ended = streamsel(
        "compare", demo_clip, second_clip, tmp_path / "none.mp4", "-n", 5, "--per-input", "--json"
    )
    assert ended.code == 1
    assert "none.mp4" in ended.err
    assert [table["input"] for table in ended.json] == ["demo", "second"]


def test_embedders() -> None:
    listed = streamsel("embedders", "--json").json
    builtin = next(one for one in listed if one["name"] == "builtin")
    assert builtin["available"]
    assert builtin["dim"] > 0
    assert "builtin" in streamsel("embedders").out


def test_demo(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ended = streamsel("demo", "-o", folder, "-n", 12)
    assert ended.code == 0, ended.err
    assert (folder / "demo.mp4").exists()
    assert len(manifest(folder / "kept")) == 12
    for method in METHODS:
        assert method in ended.out
    assert str(folder / "kept" / "frames") in ended.out
    again = streamsel("demo", "-o", folder, "-n", 12)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert streamsel("demo", "-o", folder, "-n", 12, "--overwrite", "--json").code == 0


@pytest.mark.parametrize("command", [[], ["select"], ["compare"], ["embedders"], ["demo"]])
def test_help_has_examples_and_is_free_of_heavy_imports(command: list[str]) -> None:
    ended = streamsel(*command, "--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert ended.code == 0
    assert "streamsel" in ended.out
    if command:
        assert "Examples:" in ended.out
    imported = {line.rsplit("|", 1)[-1].strip() for line in ended.err.splitlines()}
    assert imported
    assert not imported & {"torch", "av", "PIL"}


def test_a_wrong_command_is_a_usage_error() -> None:
    ended = streamsel("selekt")
    assert ended.code == 2
    assert "selekt" in ended.err


def test_json_goes_to_stdout_alone(demo_clip: Path, tmp_path: Path) -> None:
    ended = streamsel("select", demo_clip, "-n", 3, "--json", "-o", tmp_path / "kept")
    assert json.loads(ended.out)["kept"] == 3
    assert ended.err == ""
