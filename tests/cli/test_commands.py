"""``select``, ``compare``, ``demo`` and ``forget``: what they print, and their exit codes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from streamsel.api import compare as comparing
from streamsel.api.compare import Comparison
from streamsel.sources.demo import synthetic
from tests.cli.running import streamsel
from tests.sinks.live_streams import frame, judged, opened, verdict

METHODS = ["original", "uniform", "random", "online", "two-pass"]


def test_select_prints_its_result(walk: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    said = streamsel("select", walk, "-n", 3, "-o", kept, "--near-duplicate", 0)
    assert said.code == 0, said.err
    assert said.out.startswith("kept 3 of 25 frames in ")
    assert said.out.splitlines()[0].endswith(f"-> {kept / 'frames'}")
    assert "walk: read to its end" in said.err
    told = streamsel("select", walk, "-n", 3, "-o", kept, "--overwrite", "--json")
    assert told.json["folder"] == str(kept)
    assert (told.json["errors"], told.err) == ([], "")


def test_select_needs_a_folder_but_to_foresee(walk: Path, tmp_path: Path) -> None:
    ended = streamsel("select", walk, "-n", 3)
    assert ended.code == 2
    assert "give a folder with -o, or --dry-run" in ended.err
    foreseen = streamsel("select", walk, "-n", 3, "--dry-run")
    assert (foreseen.code, foreseen.out.splitlines()[-1]) == (0, "nothing was written")
    assert "into" not in foreseen.out
    with_sink = streamsel("select", walk, "-n", 3, "--dry-run", "--sink", "nowhere")
    assert with_sink.code == 2
    assert "nowhere" in with_sink.err


@pytest.mark.parametrize(
    ("option", "value"), [("embedder", "builtin"), ("weights", "w.st"), ("device", "cpu")]
)
def test_vectors_of_a_file_need_no_network(
    walk: Path, tmp_path: Path, option: str, value: str
) -> None:
    table = tmp_path / "vectors.csv"
    arguments = ("select", walk, "-n", 3, "-o", tmp_path / "kept", "--embeddings", table)
    refused = streamsel(*arguments, f"--{option}", value)
    assert refused.code == 2
    assert f"give either --embeddings or --{option}, not both" in refused.err
    alone = streamsel(*arguments)
    assert str(table) in alone.err
    assert "not both" not in alone.err


def test_compare_prints_a_table_and_draws_it(walk: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "notes.txt").touch()
    (tmp_path / "more" / "walk2.mp4").symlink_to(walk)
    plot = tmp_path / "plot.svg"
    gone = tmp_path / "gone.mp4"
    ended = streamsel("compare", tmp_path / "more", gone, "-n", 4, "--plot", plot)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0] == "walk2: 25 frames, 4 to keep"
    assert [line.split()[0] for line in lines[-5:]] == METHODS
    assert f"error: {gone}: does not exist" in ended.err
    assert "skipped 1 file that is no video and no image by its name: 1 .txt" in ended.err
    assert plot.read_text().lstrip().startswith("<?xml")


def test_compare_as_json_is_one_table_or_one_of_each(walk: Path, tmp_path: Path) -> None:
    arguments = ("compare", walk, "-n", 4, "--json")
    one = streamsel(*arguments)
    assert (one.code, one.json["input"], one.json["count"]) == (0, "walk", 4)
    (each,) = streamsel(*arguments, "--per-input").json
    assert [row["method"] for row in each["rows"]] == METHODS


def test_a_plot_is_of_one_table(walk: Path, tmp_path: Path) -> None:
    both = streamsel("compare", walk, "--per-input", "--plot", tmp_path / "plot.png")
    assert both.code == 2
    assert "--plot draws one table" in both.err
    other = streamsel("compare", walk, "--plot", tmp_path / "plot.doc")
    assert other.code == 2
    assert ".svg" in other.err


@pytest.mark.parametrize(
    ("complete", "unusable", "failed", "code"),
    [
        (False, (), (), 130),
        (True, ("a.mp4: gone",), (), 1),
        (True, (), ("a",), 1),
        (True, (), (), 1),
    ],
)
def test_how_a_comparison_without_a_table_ends(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    complete: bool,
    unusable: tuple[str, ...],
    failed: tuple[str, ...],
    code: int,
) -> None:
    made = Comparison((), unusable, failed, complete)
    monkeypatch.setattr(comparing, "compare_inputs", lambda *_, **__: made)
    plot = tmp_path / "plot.svg"
    ended = streamsel("compare", "a.mp4", "--json", "--plot", plot)
    assert (ended.code, ended.json) == (code, None)
    assert ("interrupted: the table covers what had been read" in ended.err) != complete
    assert all(f"error: {error}" in ended.err for error in unusable)
    assert not plot.exists()


@pytest.fixture
def short_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    short = partial(synthetic.render_demo, seconds=2.0, size=(96, 64))
    monkeypatch.setattr(synthetic, "render_demo", short)


@pytest.mark.usefixtures("short_demo")
def test_the_demo_shows_what_it_did_and_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ended = streamsel("demo", "-o", folder, "-n", 3)
    assert ended.code == 0, ended.err
    assert f"rendering {folder / 'demo.mp4'}" in ended.err
    assert ended.out.startswith("kept 3 of 30 frames")
    assert all(f"\n{method} " in ended.out for method in METHODS)
    assert f"The clip is {folder / 'demo.mp4'}, the kept frames are in " in ended.out
    again = streamsel("demo", "-o", folder)
    assert again.code == 2
    assert f"{folder / 'kept'}: exists already; replace it with --overwrite" in again.err
    told = streamsel("demo", "-o", folder, "-n", 3, "--overwrite", "--json")
    assert (told.code, told.err) == (0, "")
    assert told.json["select"]["kept"] == 3
    assert [row["method"] for row in told.json["compare"][0]["rows"]] == METHODS


@pytest.mark.usefixtures("short_demo")
def test_a_clip_alone_is_not_replaced_either(tmp_path: Path) -> None:
    clip = tmp_path / "demo.mp4"
    clip.write_bytes(b"mine")
    ended = streamsel("demo", "-o", tmp_path)
    assert (ended.code, clip.read_bytes()) == (2, b"mine")
    assert f"{clip}: exists already" in ended.err


def left_behind(folder: Path) -> None:
    """What a service kept of a feed that its configuration has no more."""
    sink = opened(folder)
    sink.apply(judged(verdict(frame(1), "kept"), verdict(frame(2), "kept")))
    sink.select_into(["yard"])
    sink.close()


def test_forget_removes_only_when_told_to(tmp_path: Path) -> None:
    left_behind(tmp_path)
    before = streamsel("forget", tmp_path, "--feed", "gate")
    assert before.code == 0, before.err
    assert before.out == (
        "gate: 2 frames, 0.0 MB would go\nnothing was removed; add --yes\n"
    )  # fmt: skip
    assert streamsel("forget", tmp_path, "--feed", "gate", "-q").content == b""
    told = streamsel("forget", tmp_path, "--feed", "gate", "--json").json
    assert (told["removed"], told["gone"][0]["frames"]) == (False, 2)
    done = streamsel("forget", tmp_path, "--feed", "gate", "--yes")
    assert (done.code, done.out) == (0, "gate: 2 frames, 0.0 MB removed\n")
    again = streamsel("forget", tmp_path, "--feed", "gate", "--yes")
    assert again.code != 0
    assert "gate" in again.err
