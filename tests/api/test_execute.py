"""A pipeline that is run from synchronous code, also where an event loop runs already."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from streamsel.decisions import FeedReport, Verdict
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.errors import DiskFullError
from streamsel.frame import PrefilteredFrame
from streamsel.runtime.execute import execute
from streamsel.runtime.file_run import FileFeed, Pipeline
from tests.runtime.stages import (
    AngleEmbedder,
    CountingSource,
    KeepEveryTenth,
    ListSink,
    OpenPrefilter,
)

ENDLESS = 10**9
MAIN = threading.main_thread().ident or 0


class Interrupter:
    """An observer that interrupts the main thread once frames were judged."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self._done = False

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        self.threads.add(threading.current_thread().name)

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        return

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        if verdicts and not self._done:
            self._done = True
            signal.pthread_kill(MAIN, signal.SIGINT)

    def feed_ended(self, report: FeedReport) -> None:
        return


def pipeline(source: CountingSource, sink: ListSink, *observers: Interrupter) -> Pipeline:
    return Pipeline(
        [FileFeed(source, OpenPrefilter)],
        ComputedEmbeddings(AngleEmbedder()),
        KeepEveryTenth(),
        [sink],
        observers=observers,
    )


@contextmanager
def interrupts_as_in_a_notebook() -> Iterator[None]:
    """Let Ctrl-C raise in the main thread, where the test's own loop would cancel its task."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_is_interrupted_where_a_loop_runs_already() -> None:
    sink, interrupter = ListSink(), Interrupter()

    async def cell() -> bool:
        with interrupts_as_in_a_notebook():
            return execute(pipeline(CountingSource("a", ENDLESS), sink, interrupter), [sink])

    assert asyncio.run(cell()) is False
    assert interrupter.threads == {"streamsel-run_0"}
    assert sink.is_closed
    assert not sink.has_ended
    assert sink.verdicts


def test_a_run_is_interrupted_from_a_shell() -> None:
    sink = ListSink()
    assert execute(pipeline(CountingSource("a", ENDLESS), sink, Interrupter()), [sink]) is False
    assert sink.is_closed
    assert not sink.has_ended
    assert sink.verdicts


def test_a_run_ends_where_a_loop_runs_already() -> None:
    sink = ListSink()

    async def cell() -> bool:
        return execute(pipeline(CountingSource("a", 50), sink), [sink])

    assert asyncio.run(cell()) is True
    assert sink.is_closed
    assert sink.has_ended
    assert len(sink.verdicts) == 50


def test_a_failure_is_raised_where_a_loop_runs_already() -> None:
    sink = ListSink(fails_after=20, error=DiskFullError)

    async def cell() -> bool:
        return execute(pipeline(CountingSource("a", ENDLESS), sink), [sink])

    with pytest.raises(DiskFullError, match="no room"):
        asyncio.run(cell())
    assert sink.is_closed
    assert not sink.has_ended
