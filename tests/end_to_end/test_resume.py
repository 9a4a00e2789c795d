"""``--resume``: pictures that went are made again, inputs may be added, and nothing is mixed up."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import streamsel as package
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import PrefilteredFrame
from streamsel.runtime.execute import execute
from streamsel.runtime.file_run import Pipeline
from streamsel.sources.demo.synthetic import render_demo
from streamsel.wiring.selection import build_selection

COUNT = 30
"""As many as make the verdicts at the end of a clip depend on what follows."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips; of the first most frames wait for the end, to tell the noise of the feed."""
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, seconds) in enumerate((("a", 4), ("b", 6), ("c", 2))):
        render_demo(folder / f"{name}.mp4", seconds=seconds, size=(160, 90), seed=seed)
    return folder


def select(clips: Path, names: str, kept: Path, **options: Any) -> package.Selection:
    inputs = [clips / f"{name}.mp4" for name in names]
    return package.select(inputs, **{"count": COUNT, "output": kept, **options})


class Interrupting:
    """Stops a run once so many frames were seen."""

    def __init__(self, frames: int) -> None:
        self._left = frames
        self.pipeline: Pipeline | None = None

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        self._left -= len(prefiltered_frames)
        if self._left <= 0 and self.pipeline is not None:
            self.pipeline.stop()

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Not of interest."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Not of interest."""

    def feed_ended(self, report: FeedReport) -> None:
        """Not of interest."""


def interrupt(
    clips: Path, names: str, kept: Path, frames: int, options: RunOptions | None = None
) -> None:
    """Begin a run or go on with it, and stop it after so many frames; 0: before it reads any."""
    observer = Interrupting(frames)
    run = build_selection(
        [str(clips / f"{name}.mp4") for name in names],
        options or RunOptions(select=SelectOptions(count=COUNT)),
        kept,
        resume=True,
        observers=[observer],
        batch=4,
    )
    observer.pipeline = run.pipeline
    if frames:
        assert not execute(run.pipeline, [run.sink])
    run.sink.close()


def files(kept: Path) -> dict[str, str]:
    return {
        path.relative_to(kept).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in kept.rglob("*")
        if path.is_file() and not path.name.startswith("streamsel.db")
    }


def rows(kept: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is recorded, but when."""
    what = {
        "runs": "version, config, identity, embedder, embedder_digest, method, count, seed, "
        "status, settled",
        **dict.fromkeys(("feeds", "frames", "embeddings", "events", "kept", "statistics"), "*"),
    }
    with closing(sqlite3.connect(kept / "streamsel.db")) as database:
        return {
            table: database.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()
            for table, columns in what.items()
        }


@pytest.mark.parametrize("method", ["online", "two-pass", "uniform"])
def test_pictures_and_a_manifest_that_went_are_made_again(
    clips: Path, tmp_path: Path, method: str
) -> None:
    kept = tmp_path / "kept"
    select(clips, "ac", kept, method=method)
    before, recorded = files(kept), rows(kept)
    first, second, *others = sorted((kept / "frames").rglob("*.jpg"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    others[-1].write_bytes(b"")
    (kept / "manifest.jsonl").write_text("{}\n")
    selection = select(clips, "ac", kept, method=method, resume=True)
    assert files(kept) == before
    assert rows(kept) == recorded
    assert selection.summary.status == "complete"
    (kept / "manifest.jsonl").unlink()
    select(clips, "ac", kept, method=method, resume=True)
    assert files(kept) == before


@pytest.fixture(scope="module")
def fresh(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two inputs, never interrupted."""
    kept = tmp_path_factory.mktemp("fresh") / "kept"
    select(clips, "cb", kept)
    return kept


@pytest.mark.parametrize("count", [4, COUNT])
def test_a_run_goes_on_with_another_input_as_if_it_had_been_there(
    clips: Path, tmp_path: Path, count: int
) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    select(clips, "cb", fresh, count=count)
    select(clips, "c", kept, count=count)
    by_itself = rows(kept)["frames"]
    select(clips, "cb", kept, count=count, resume=True)
    assert rows(kept)["frames"][: len(by_itself)] != by_itself
    assert rows(kept) == rows(fresh)
    assert files(kept) == files(fresh)


@pytest.mark.parametrize("frames", [0, 1, 50, 90])
def test_one_that_was_interrupted_once_it_went_on_ends_the_same(
    clips: Path, tmp_path: Path, fresh: Path, frames: int
) -> None:
    kept = tmp_path / "kept"
    select(clips, "c", kept)
    interrupt(clips, "cb", kept, frames)
    select(clips, "cb", kept, resume=True)
    assert rows(kept) == rows(fresh)
    assert files(kept) == files(fresh)


def test_inputs_are_added_to_a_run_that_was_interrupted(clips: Path, tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    select(clips, "acb", fresh)
    interrupt(clips, "a", kept, 30)
    select(clips, "ac", kept, resume=True)
    select(clips, "acb", kept, resume=True)
    assert rows(kept) == rows(fresh)
    assert files(kept) == files(fresh)


@pytest.mark.parametrize(
    ("first", "then", "options", "said"),
    [
        ("a", "ab", {"method": "two-pass"}, "b added: only the online method accepts more inputs"),
        ("a", "ab", {"per_input": True}, "cannot continue with b added: with --per-input"),
        ("a", "ab", {"count": None, "share": 0.1}, "cannot continue with b added: a share"),
        ("a", "ba", {}, "Inputs can only be added at the end"),
        ("ac", "abc", {}, "Inputs can only be added at the end"),
        ("ab", "a", {}, r"inputs\.b was .*b\.mp4\" and is absent"),
        ("a", "ab", {"fps": 5.0}, r"other options: read\.fps was null and is 5.0$"),
    ],
)
def test_anything_else_is_refused_with_the_reason(
    clips: Path, tmp_path: Path, first: str, then: str, options: dict[str, Any], said: str
) -> None:
    kept = tmp_path / "kept"
    begun = {name: value for name, value in options.items() if name != "fps"}
    select(clips, first, kept, **begun)
    before, recorded = files(kept), rows(kept)
    with pytest.raises(ConfigurationError, match=f"{re.escape(str(kept))}: .*{said}"):
        select(clips, then, kept, resume=True, **options)
    assert (files(kept), rows(kept)) == (before, recorded)


def test_the_same_file_by_another_path_is_the_same_input(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    (tmp_path / "videos").mkdir()
    (tmp_path / "other").mkdir()
    shutil.copy(clips / "c.mp4", tmp_path / "videos")
    shutil.copy(clips / "c.mp4", tmp_path / "other")
    os.symlink("videos", tmp_path / "link")
    monkeypatch.chdir(tmp_path)
    package.select("videos/c.mp4", count=2, output=kept)
    monkeypatch.chdir(tmp_path / "videos")
    for path in ("c.mp4", "../videos/c.mp4", "../link/c.mp4", (tmp_path / "videos/c.mp4").as_uri()):
        package.select(path, count=2, output=kept, resume=True)
    with pytest.raises(ConfigurationError, match=r"inputs\.c was \".*videos/c.mp4\" and is \".*ot"):
        package.select("../other/c.mp4", count=2, output=kept, resume=True)
