"""Embeddings out and in again: ``streamsel export`` and ``--embeddings``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamsel as package
from streamsel.api.compare import compare_inputs
from streamsel.config.options import EmbedOptions, RunOptions, SelectOptions
from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import PrefilteredFrame
from streamsel.prefilter.options import PrefilterOptions
from streamsel.record.reader import Record
from streamsel.runtime.execute import execute
from streamsel.runtime.file_run import Pipeline
from streamsel.wiring.selection import build_selection
from tests.end_to_end.conftest import manifest, streamsel

COUNT = 12


class Stopper:
    """An observer that stops the pipeline after so many verdicts."""

    def __init__(self, after: int) -> None:
        self.pipeline: Pipeline | None = None
        self._left = after

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Nothing to do."""

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Nothing to do."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        self._left -= len(verdicts)
        if self._left <= 0 and self.pipeline is not None:
            self.pipeline.stop()

    def feed_ended(self, report: FeedReport) -> None:
        """Nothing to do."""


@pytest.fixture(scope="module")
def kept(demo_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded") / "kept"
    package.select(demo_clip, count=COUNT, output=folder)
    return folder


@pytest.fixture(scope="module")
def tables(kept: Path) -> Path:
    """A folder with all embeddings of the run in each format."""
    for suffix in ("csv", "jsonl", "parquet"):
        ended = streamsel("export", kept, "--what", "all", "-o", kept.parent / f"all.{suffix}")
        assert (ended.code, ended.err) == (0, "")
        assert "wrote 240 frames" in ended.out
    return kept.parent


def told(folder: Path) -> Any:
    """All that was decided in a run, and on what."""
    with Record.open(folder) as record:
        candidates = [
            (one.frame.key, one.prefiltered.digest, one.embedding is None or bytes(one.embedding))
            for one in record.candidates()
        ]
        decisions, changes = list(record.decisions()), list(record.changes())
        plan = record.run().plan
    return manifest(folder), candidates, decisions, changes, plan.embedder, plan.embedder_digest


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_selection_among_exported_embeddings_is_the_same(
    suffix: str, kept: Path, tables: Path, demo_clip: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    package.select(demo_clip, count=COUNT, embeddings=tables / f"all.{suffix}", output=again)
    assert told(again) == told(kept)


def test_a_comparison_on_exported_embeddings_is_the_same(demo_clip: Path, tmp_path: Path) -> None:
    everything = PrefilterOptions(
        black_share=None,
        uniform_share=None,
        exact_duplicates=False,
        freeze_seconds=None,
        unchanged_mean=None,
    )
    run, table = tmp_path / "run", tmp_path / "all.parquet"
    computed = RunOptions(select=SelectOptions(count=9), prefilter=everything)
    selection = build_selection([str(demo_clip)], computed, run)
    assert execute(selection.pipeline, [selection.sink])
    assert streamsel("export", run, "--what", "all", "-o", table).code == 0
    read = replace(computed, embed=EmbedOptions(embeddings=(str(table),)))
    first, again = (compare_inputs([str(demo_clip)], options) for options in (computed, read))
    assert first.tables[0].rows[0].count == 240
    assert again == first


def test_a_comparison_leaves_out_what_was_refused(
    kept: Path, tables: Path, demo_clip: Path
) -> None:
    read = streamsel("compare", demo_clip, "-n", 9, "--json", "--embeddings", tables / "all.csv")
    with Record.open(kept) as record:
        judged = sum(one.embedding is not None for one in record.candidates())
    assert judged < 240
    assert read.json["rows"][0]["count"] == judged


def test_a_run_is_resumed_with_the_same_embeddings_only(
    kept: Path, tables: Path, demo_clip: Path, tmp_path: Path
) -> None:
    def select(*files: Path, stop: bool = False) -> bool:
        stopper = Stopper(100)
        embed = EmbedOptions(embeddings=tuple(map(str, files)))
        options = RunOptions(embed=embed, select=SelectOptions(count=COUNT))
        run = build_selection(
            [str(demo_clip)], options, tmp_path / "run", resume=not stop, observers=[stopper]
        )
        stopper.pipeline = run.pipeline if stop else None
        return execute(run.pipeline, [run.sink])

    assert not select(stop=True)
    others = tmp_path / "others.csv"
    others.write_text("feed,index,e0,e1\n" + "".join(f"demo,{i},{i},1\n" for i in range(240)))
    with pytest.raises(ConfigurationError, match=r"with other options.*file:others"):
        select(others)
    assert select(tables / "all.parquet")
    assert told(tmp_path / "run")[1:] == told(kept)[1:]


def test_frames_that_are_missing_are_named_and_may_be_added(
    demo_clip: Path, kept: Path, tables: Path, tmp_path: Path
) -> None:
    table, again = tmp_path / "kept.parquet", tmp_path / "again"
    exported = streamsel("export", kept, "-o", table, "--json")
    assert exported.json == {
        "output": str(table), "format": "parquet", "what": "kept", "frames": COUNT,
    }  # fmt: skip
    ended = streamsel("select", demo_clip, "-n", COUNT, "--embeddings", table, "-o", again)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    message = ended.err.splitlines()[-1]
    assert message.startswith(f"streamsel: {table}: no vector of frame demo-")
    assert f"there are {COUNT} of feed 'demo'" in message
    package.select(demo_clip, count=COUNT, embeddings=tables / "all.csv", output=again, resume=True)
    assert told(again) == told(kept)


def test_vectors_of_ones_own_decide(demo_clip: Path, tmp_path: Path) -> None:
    angles = np.linspace(0, np.pi / 2, 240)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).tolist()
    table = tmp_path / "own.csv"
    table.write_text(
        "feed,index,x,y\n" + "".join(f"demo,{i},{x},{y}\n" for i, (x, y) in enumerate(points))
    )
    selection = package.select(
        demo_clip, count=3, method="two-pass", embeddings=[table], output=tmp_path / "kept"
    )
    indices = sorted(frame.index for frame in selection.frames)
    assert (indices[0] < 10, 100 < indices[1] < 140, indices[2] > 225) == (True, True, True)
    assert selection.summary.embedder["name"] == "file:own.csv"


def test_what_cannot_be_asked_for_together(
    tables: Path, demo_clip: Path, second_clip: Path, tmp_path: Path
) -> None:
    table, out = tables / "all.csv", tmp_path / "out"
    for option in ("--embedder=builtin", "--weights=w", "--device=auto"):
        ended = streamsel("compare", demo_clip, "--embeddings", table, option)
        assert ended.code == 2
        assert "--embeddings or --" in ended.err
    with pytest.raises(ConfigurationError, match="not both"):
        package.select(demo_clip, embeddings=table, device="cpu")
    with pytest.raises(ConfigurationError, match="nothing about 'second'; there is 'demo'"):
        package.select(second_clip, embeddings=table, output=out)
    with pytest.raises(EmbedderError, match="none"):
        package.select(demo_clip, embeddings="none.csv", output=out)
    assert not out.exists()


def test_reading_embeddings_needs_no_torch(tables: Path, demo_clip: Path) -> None:
    ended = streamsel(
        *("select", demo_clip, "--embeddings", tables / "all.csv", "--dry-run"),
        environment={"PYTHONPROFILEIMPORTTIME": "1"},
    )
    assert ended.code == 0
    imported = {line.rsplit("|", 1)[-1].strip() for line in ended.err.splitlines()}
    assert "streamsel.embed.tables.table" in imported
    assert not imported & {"torch", "pyarrow"}


def test_export_to_standard_output_and_what_it_refuses(kept: Path, tmp_path: Path) -> None:
    rows = streamsel("export", kept, "-o", "-", "--format", "jsonl", "--no-embeddings")
    assert [json.loads(line)["id"] for line in rows.out.splitlines()] == [
        line["id"] for line in manifest(kept)
    ]
    there = tmp_path / "there.csv"
    there.write_text("precious")
    refused = {
        "--overwrite": ("-o", there),
        "--format": ("-o", "-"),
        "cannot go to standard output": ("-o", "-", "--format", "parquet"),
        "--json": ("-o", "-", "--format", "csv", "--json"),
    }
    for message, arguments in refused.items():
        ended = streamsel("export", kept, *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err
    assert there.read_text() == "precious"
    assert streamsel("export", kept, "-o", there, "--overwrite", "-q").out == ""
    assert there.read_text().startswith("id,feed,display_name,source,original,index,")
    ended = streamsel("export", tmp_path, "-o", tmp_path / "x.csv")
    assert ended.code == 1
    assert "holds no run" in ended.err


def test_the_help_of_export_has_examples_and_is_free_of_heavy_imports() -> None:
    ended = streamsel("export", "--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "Examples:" in ended.out
    imported = {line.rsplit("|", 1)[-1].strip() for line in ended.err.splitlines()}
    assert not imported & {"torch", "av", "PIL", "pyarrow"}
