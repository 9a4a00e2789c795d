"""A sink of three methods suffices for a file run and for a service."""

from __future__ import annotations

import asyncio
import threading

from streamsel.decisions import SelectionUpdate
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.frame import FrameKey
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.file_run import FileFeed, Pipeline
from tests.polling import until
from tests.runtime.live_line import running
from tests.runtime.live_stages import NewestSelector, ScriptedSource, steps
from tests.runtime.stages import AngleEmbedder, CountingSource, KeepEveryTenth, OpenPrefilter


class Bare:
    """Has what every sink has, and nothing else."""

    name = "bare"

    def __init__(self) -> None:
        self.verdicts: list[FrameKey] = []
        self.calls: list[str] = []

    def apply(self, update: SelectionUpdate) -> None:
        self.calls.append(threading.current_thread().name)
        self.verdicts += [verdict.frame.key for verdict in update.verdicts]

    def close(self) -> None:
        self.calls.append("close")


def test_it_receives_a_file_run() -> None:
    bare = Bare()
    sink: Sink = bare
    source = CountingSource("a", 100)
    embeddings = ComputedEmbeddings(AngleEmbedder())
    pipeline = Pipeline([FileFeed(source, OpenPrefilter)], embeddings, KeepEveryTenth(), [sink])
    assert asyncio.run(pipeline.run())
    assert bare.verdicts == [FrameKey("a", index) for index in range(100)]
    assert set(bare.calls[:-1]) == {"streamsel-sink"}
    assert bare.calls[-1] == "close"
    assert [(report.feed, report.frames) for report in pipeline.reports] == [("a", 100)]
    assert source.fetched == []


def test_it_receives_a_service() -> None:
    async def scenario() -> None:
        bare = Bare()
        async with running([bare]) as line:
            await line.add(ScriptedSource("gate", steps(*[0.0] * 20)), NewestSelector())
            await until(lambda: len(bare.verdicts) >= 20)
        assert set(bare.calls[:-1]) == {"streamsel-bare"}
        assert bare.calls[-1] == "close"

    asyncio.run(scenario())
