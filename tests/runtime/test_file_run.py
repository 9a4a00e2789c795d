"""The line, with small stages: order, failure, stopping, bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from streamsel.decisions import FeedReport, Verdict
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.errors import DiskFullError, EmbedderError, SourceError
from streamsel.frame import FrameKey, PrefilteredFrame, Thumbnail, Vectors
from streamsel.runtime.file_run import FileFeed, Pipeline
from tests.runtime.stages import (
    AngleEmbedder,
    CountingSource,
    KeepEveryTenth,
    ListSink,
    OpenPrefilter,
)


class Watcher:
    """An observer that counts, and may stop the pipeline after so many frames were seen."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.seen_frames = 0
        self.judged_frames = 0
        self.reports: list[FeedReport] = []
        self.stop_at: int | None = None
        self.pipeline: Pipeline | None = None

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        self.opened.append(feed)

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        self.seen_frames += len(prefiltered_frames)
        if self.pipeline and self.stop_at is not None and self.seen_frames >= self.stop_at:
            self.pipeline.stop()

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        self.judged_frames += len(verdicts)

    def feed_ended(self, report: FeedReport) -> None:
        self.reports.append(report)


def feeds(*sources: CountingSource, start: int = 0) -> list[FileFeed]:
    return [FileFeed(source, lambda: OpenPrefilter(refuse_every=7), start) for source in sources]


@pytest.mark.parametrize("lag", [1, 32])
def test_verdicts_reach_the_sink_in_stream_order(lag: int) -> None:
    first, second = CountingSource("a", 205), CountingSource("b", 33)
    sink, watcher = ListSink(), Watcher()
    pipeline = Pipeline(
        feeds(first, second),
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(lag),
        [sink],
        observers=[watcher],
    )
    assert asyncio.run(pipeline.run())
    keys = [verdict.frame.key for verdict in sink.verdicts]
    assert keys == [FrameKey("a", i) for i in range(205)] + [FrameKey("b", i) for i in range(33)]
    assert watcher.seen_frames == watcher.judged_frames == 238
    assert watcher.reports == sink.reports
    assert [report.frames for report in sink.reports] == [205, 33]
    assert sink.has_ended
    assert sink.is_closed
    assert first.closed
    assert second.closed


def test_a_broken_feed_does_not_stop_the_others() -> None:
    sink = ListSink()
    pipeline = Pipeline(
        feeds(CountingSource("bad", 100, fails_after=40), CountingSource("good", 50)),
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(),
        [sink],
    )
    assert asyncio.run(pipeline.run())
    assert [report.error for report in sink.reports] == ["feed 'bad': lost", None]
    assert [report.frames for report in sink.reports] == [40, 50]
    assert len(sink.verdicts) == 90


def test_a_sink_that_fails_ends_the_run_with_its_own_error() -> None:
    source = CountingSource("a", 100_000)
    sink = ListSink(fails_after=100, error=DiskFullError)
    pipeline = Pipeline(
        feeds(source), ComputedEmbeddings(AngleEmbedder()), KeepEveryTenth(), [sink]
    )
    with pytest.raises(DiskFullError, match="no room"):
        asyncio.run(pipeline.run())
    assert source.closed
    assert len(sink.verdicts) < 100_000


def test_an_unexpected_error_in_a_thread_is_loud() -> None:
    class Faulty(OpenPrefilter):
        def check(self, frame: object) -> PrefilteredFrame:
            raise ZeroDivisionError

    source = CountingSource("a", 10)
    pipeline = Pipeline(
        [FileFeed(source, Faulty)],
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(),
        [ListSink()],
    )
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pipeline.run())
    assert source.closed


def test_stopping_stores_what_was_decided_and_nothing_else() -> None:
    source, sink, watcher = CountingSource("a", 10_000_000), ListSink(), Watcher()
    pipeline = Pipeline(
        feeds(source, CountingSource("b", 10)),
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(lag=32),
        [sink],
        observers=[watcher],
    )
    watcher.pipeline, watcher.stop_at = pipeline, 1000
    assert not asyncio.run(pipeline.run())
    assert sink.is_closed
    assert not sink.has_ended
    assert watcher.opened == ["a"]
    assert [v.frame.key.index for v in sink.verdicts] == list(range(len(sink.verdicts)))
    assert source.closed


def test_missing_pictures_are_fetched_at_the_end() -> None:
    a, b = CountingSource("a", 100), CountingSource("b", 100)
    wanted = [FrameKey("b", 30), FrameKey("a", 10), FrameKey("a", 90)]
    sink = ListSink(wants=wanted)
    asyncio.run(
        Pipeline(feeds(a, b), ComputedEmbeddings(AngleEmbedder()), KeepEveryTenth(), [sink]).run()
    )
    assert sink.supplied == [FrameKey("a", 10), FrameKey("a", 90), FrameKey("b", 30)]
    assert (a.fetched, b.fetched) == ([10, 90], [30])


def test_stopping_while_pictures_are_fetched_ends_that_too() -> None:
    source = CountingSource("a", 100)
    sink = ListSink(wants=[FrameKey("a", index) for index in range(100)])
    pipeline = Pipeline(
        feeds(source), ComputedEmbeddings(AngleEmbedder()), KeepEveryTenth(), [sink]
    )
    sink.on_supply = lambda key: pipeline.stop() if key.index == 3 else None
    assert not asyncio.run(pipeline.run())
    assert len(sink.supplied) < 100
    assert sink.is_closed
    assert not sink.has_ended


def test_a_feed_that_vanished_does_not_keep_others_from_their_pictures() -> None:
    gone, there = CountingSource("gone", 50), CountingSource("there", 50)
    gone.fetch_error = SourceError("feed 'gone': not there any more")
    sink = ListSink(wants=[FrameKey("gone", 10), FrameKey("there", 20)])
    assert asyncio.run(
        Pipeline(
            feeds(gone, there), ComputedEmbeddings(AngleEmbedder()), KeepEveryTenth(), [sink]
        ).run()
    )
    assert sink.supplied == [FrameKey("there", 20)]
    assert [report.error for report in sink.reports] == [
        None,
        None,
        "feed 'gone': not there any more",
    ]


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_an_embedder_that_returns_the_wrong_number_is_named(rows: int) -> None:
    class Short(AngleEmbedder):
        def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
            return np.zeros((rows, 2), np.float32)

    pipeline = Pipeline(
        feeds(CountingSource("a", 50)),
        ComputedEmbeddings(Short()),
        KeepEveryTenth(),
        [ListSink()],
        batch=8,
    )
    with pytest.raises(EmbedderError, match="angle"):
        asyncio.run(pipeline.run())


def test_a_resumed_lane_starts_where_it_left_off_and_a_done_one_is_not_read() -> None:
    sink = ListSink()
    pipeline = Pipeline(
        [
            FileFeed(CountingSource("a", 100), OpenPrefilter, 100, done=True),
            FileFeed(CountingSource("b", 100), OpenPrefilter, 60),
        ],
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(),
        [sink],
    )
    asyncio.run(pipeline.run())
    assert [v.frame.key for v in sink.verdicts] == [FrameKey("b", i) for i in range(60, 100)]


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_the_batch_size_bounds_the_embedder(batch: int) -> None:
    embedder, sink = AngleEmbedder(), ListSink()
    pipeline = Pipeline(
        feeds(CountingSource("a", 500)),
        ComputedEmbeddings(embedder),
        KeepEveryTenth(),
        [sink],
        batch=batch,
    )
    asyncio.run(pipeline.run())
    assert max(embedder.batches) <= batch
    assert len(sink.verdicts) == 500


def test_no_thread_outlives_the_run() -> None:
    before = threading.active_count()
    asyncio.run(
        Pipeline(
            feeds(CountingSource("a", 100)),
            ComputedEmbeddings(AngleEmbedder()),
            KeepEveryTenth(),
            [ListSink()],
        ).run()
    )
    named = [t.name for t in threading.enumerate() if t.name.startswith("streamsel")]
    assert named == []
    assert threading.active_count() == before


def test_stopping_decides_nothing_that_more_frames_would_decide() -> None:
    def ran(selector: KeepEveryTenth, stop_at: int | None, start: int = 0) -> ListSink:
        sink, watcher = ListSink(), Watcher()
        pipeline = Pipeline(
            feeds(CountingSource("a", 400), start=start),
            ComputedEmbeddings(AngleEmbedder()),
            selector,
            [sink],
            observers=[watcher],
        )
        watcher.pipeline, watcher.stop_at = pipeline, stop_at
        asyncio.run(pipeline.run())
        return sink

    # One that looks at everything first, as two passes do, and one that looks far ahead.
    assert ran(KeepEveryTenth(lag=10_000), stop_at=100).verdicts == []
    before = ran(KeepEveryTenth(lag=64), stop_at=200).verdicts
    assert len(before) % 64 == 0
    after = ran(KeepEveryTenth(lag=64), stop_at=None, start=len(before)).verdicts
    assert [one.frame.key.index for one in (*before, *after)] == [*range(400)]
