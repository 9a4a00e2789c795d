"""``streamsel export``: where the rows of a run go, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import streamsel
from tests.sinks.live_streams import frame, judged, opened, verdict

FRAMES = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that kept two of three frames."""
    sink = opened(tmp_path / "kept")
    kept = [verdict(frame(index), "kept") for index in (1, 2)]
    sink.apply(judged(*kept, verdict(frame(3))))
    sink.close()
    return tmp_path / "kept"


@pytest.mark.parametrize(("what", "frames"), [("kept", 2), ("all", FRAMES)])
def test_a_file_is_written_as_its_suffix_says(
    folder: Path, tmp_path: Path, what: str, frames: int
) -> None:
    out = tmp_path / "out.csv"
    ended = streamsel("export", folder, "-o", out, "--what", what, "--no-embeddings")
    assert (ended.code, ended.out) == (0, f"wrote {frames} frames -> {out}\n")
    assert len(out.read_text().splitlines()) == 1 + frames
    again = streamsel("export", folder, "-o", out)
    assert again.code == 2
    assert "exists already" in again.err
    assert streamsel("export", folder, "-o", out, "--overwrite", "-q").content == b""
    told = streamsel("export", folder, "-o", out, "--overwrite", "--json", "--what", what).json
    assert told == {"output": str(out), "format": "csv", "what": what, "frames": frames}


def test_rows_may_go_to_standard_output_alone(folder: Path) -> None:
    ended = streamsel("export", folder, "-o", "-", "--format", "jsonl")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert [row["id"] for row in rows] == ["gate-000001", "gate-000002"]
    assert all(len(row["embedding"]) == 8 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "rows.txt"), "rows.txt does not tell its format; give it with --format"),
        (("-o", "-"), "- does not tell its format"),
        (("-o", "-", "--format", "parquet"), "parquet cannot go to standard output"),
        (("-o", "-", "--format", "csv", "--json"), "--json prints the result"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(folder.parent)
    ended = streamsel("export", folder, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert list(folder.parent.iterdir()) == [folder]
