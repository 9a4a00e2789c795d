"""What each stage of the line costs, at 1080p.

    VIDEOS=FOLDER python -m pytest -n0 tests/bench/speed/stages.py

Without VIDEOS the picture is drawn. pytest does not collect this file unless it is named.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from streamsel.embed.registry import create
from streamsel.frame import Frame, View
from streamsel.prefilter.measures import sharpness_of
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.prefilter.scene_watch import watched
from streamsel.record.writer import RecordWriter
from streamsel.scene import NEW_SCENE
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sinks.pictures import Encoder
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.bench.speed.footage import GROUP_FRAMES, candidates, clip, group, later, nudged
from tests.sinks.streams import plan

BATCH = 32
COUNT, DIM = 1000, 256
VIEW = View(64)

Note: TypeAlias = Callable[[str, int], None]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def frames(video: Path) -> list[Frame]:
    return list(group(video))


def test_decode(benchmark: Any, per_frame: Note, video: Path) -> None:
    """A group of pictures, from opening the file on."""
    assert benchmark(lambda: sum(1 for _ in group(video))) == GROUP_FRAMES
    per_frame("decode", GROUP_FRAMES)


def test_sketch(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    thumbnailer = CpuThumbnailer()
    benchmark(thumbnailer.luma_grid, frames[0].picture)
    per_frame("luma_grid", 1)


def test_sharpness(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    thumbnailer = CpuThumbnailer()
    benchmark(lambda: sharpness_of(thumbnailer.luma_rows(frames[0].picture)))
    per_frame("luma rows and sharpness", 1)


def test_thumbnail(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    thumbnailer = CpuThumbnailer()
    benchmark(thumbnailer.thumbnail, frames[0].picture, VIEW)
    per_frame("thumbnail, 64 px", 1)


def test_background(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    """A frame that is due: none within 90 ms of it was compared."""
    thumbnailer = CpuThumbnailer()
    luma_grids = cycle([thumbnailer.luma_grid(frame.picture) for frame in frames])
    states = [watched(NEW_SCENE, next(luma_grids), 0.0)]

    def look() -> None:
        states[0] = watched(states[0], next(luma_grids), states[0].clock + 0.1)

    benchmark(look)
    per_frame("background", 1)


def test_look_changed(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    """Every check of the prefilter, and the thumbnail."""
    prefilter = FramePrefilter(
        CpuThumbnailer(), VIEW, PrefilterOptions(unchanged_mean=None, exact_duplicates=False)
    )
    coming = later(frames)
    prefiltered = benchmark(lambda: prefilter.check(next(coming)))
    assert prefiltered.thumbnail is not None
    per_frame("look, changed", 1)


def test_look_unchanged(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    prefilter = FramePrefilter(CpuThumbnailer(), VIEW, PrefilterOptions(calibration=0))
    coming = later([frames[0], nudged(frames[0])])
    prefilter.check(next(coming))
    prefiltered = benchmark(lambda: prefilter.check(next(coming)))
    assert prefiltered.refusal == "unchanged"
    per_frame("look, unchanged", 1)


def test_embed(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    """A batch of 32 thumbnails, by the built-in network."""
    thumbnailer, embedder = CpuThumbnailer(), create("builtin")
    thumbnails = [thumbnailer.thumbnail(one.picture, embedder.view) for one in frames[:BATCH]]
    vectors = benchmark(embedder.embed, thumbnails)
    assert vectors.shape == (BATCH, embedder.dim)
    per_frame("embed", BATCH)


@pytest.mark.parametrize(("stage", "blocks"), [("judge, new", 0), ("judge, settled", 600)])
def test_judge(benchmark: Any, per_frame: Note, stage: str, blocks: int) -> None:
    """A block of 32 candidates by a selector that has just become full, or has seen far more."""
    feed = candidates(DIM)
    selector = OnlineSelector(Budget(count=COUNT), DIM, floor=0.0, look_ahead=32)
    while len(selector.kept) < COUNT:
        selector.judge(list(islice(feed, BATCH)))
    for _ in range(blocks):
        selector.judge(list(islice(feed, BATCH)))

    def block() -> tuple[tuple[object], dict[str, object]]:
        return (list(islice(feed, BATCH)),), {}

    verdicts = benchmark.pedantic(selector.judge, setup=block, rounds=200)
    assert len(verdicts) == BATCH
    per_frame(stage, BATCH)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "batched"])
def test_record(benchmark: Any, per_frame: Note, tmp_path: Path, strict: bool) -> None:
    """A transaction of 32 verdicts with their vectors, synced to the disk where strict."""
    selector = OnlineSelector(Budget(count=COUNT), DIM, floor=0.0, look_ahead=32)
    feed = candidates(DIM)

    def block() -> tuple[tuple[object], dict[str, object]]:
        return (selector.judge(list(islice(feed, BATCH))),), {}

    with closing(RecordWriter.create(tmp_path, plan(), 0.0, strict=strict)) as record:
        appended = benchmark.pedantic(record.append, setup=block, rounds=100, warmup_rounds=5)
    assert len(appended.verdicts) == BATCH
    per_frame("record" if strict else "record, batched", BATCH)


def test_encode(benchmark: Any, per_frame: Note, frames: list[Frame]) -> None:
    """A picture that is kept, as JPEG."""
    encoder = Encoder()
    pictures = cycle(one.picture for one in frames[:8])
    assert benchmark(lambda: encoder.encode(next(pictures))).height == 1080
    per_frame("JPEG of a kept picture", 1)
