"""How a live line ends: in time whatever hangs, loudly where something is broken."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from streamsel.clock import SystemClock
from streamsel.decisions import SelectionUpdate
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.errors import EmbedderError
from streamsel.frame import FrameKey, Thumbnail, Vectors
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.service_run import LivePipeline
from tests.polling import until
from tests.runtime.live_line import Line, encode, running
from tests.runtime.live_stages import NewestSelector, ScriptedSource, StoringSink, steady, steps
from tests.runtime.stages import AngleEmbedder


class HangingEmbedder(AngleEmbedder):
    """Hangs from the second batch on, until the test releases it."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.go_on = threading.Event(), threading.Event()

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        if self.batches:
            self.hangs.set()
            self.go_on.wait()
        return super().embed(thumbnails)


class FailingEmbedder(AngleEmbedder):
    """Works for some batches, as a network on a device that is lost does."""

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        if len(self.batches) == 10:
            raise EmbedderError("embedder 'angle': the device is lost; start the service again")
        return super().embed(thumbnails)


@pytest.mark.parametrize("hangs", ["source", "sink", "judge", "everything"])
def test_the_service_ends_in_time_whatever_hangs(hangs: str) -> None:
    async def scenario() -> None:
        disk, mqtt, embedder = StoringSink("disk"), StoringSink("mqtt"), HangingEmbedder()
        source = ScriptedSource("gate", steps(*[0.005] * 20, "freeze"))
        line = Line([disk, mqtt], LiveLimits(shutdown=1.0), embedder)
        if hangs not in ("judge", "everything"):
            embedder.go_on.set()
        if hangs not in ("source", "everything"):
            source.thaw.set()
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(line.pipeline.run())
            await line.add(source)
            await until(lambda: len(disk.verdicts) > 0)
            if hangs in ("sink", "everything"):
                mqtt.hanging.clear()
            await until(lambda: source.produced >= 20)
            assert not line.pipeline.left_behind
            line.pipeline.stop()
            # Twice what is allowed, because this machine may be busy.
            async with asyncio.timeout(2.0):
                await ending
        assert line.pipeline.left_behind
        assert disk.closed == 1
        if hangs == "sink":
            assert disk.verdicts[:20] == [FrameKey("gate", index) for index in range(20)]
        source.thaw.set()
        embedder.go_on.set()
        mqtt.hanging.set()

    asyncio.run(scenario())


def test_what_still_waits_for_a_sink_at_the_end_is_stored() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=1, capacity=100)
        async with running([disk]) as line:
            await line.add(ScriptedSource("gate", steady(0.002)), selector)
            await until(lambda: len(selector.judged) > 5)
            disk.hanging.clear()
            judged = len(selector.judged)
            await until(lambda: len(selector.judged) > judged + 30)
            asyncio.get_running_loop().call_later(0.3, disk.hanging.set)
        assert sorted(disk.kept) == list(selector.kept)
        assert [str(key) for key in disk.kept] == json.loads(disk.states["gate"])

    asyncio.run(scenario())


def test_an_embedder_that_fails_ends_the_service_and_what_was_decided_is_stored() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=1)
        line = Line([disk], embedder=FailingEmbedder())
        running = asyncio.ensure_future(line.pipeline.run())
        await line.add(ScriptedSource("gate", steady(0.01)), selector)
        with pytest.raises(EmbedderError, match="the device is lost"):
            await running
        assert sorted(disk.kept) == list(selector.kept)
        assert disk.closed == 1
        assert not line.pipeline.left_behind

    asyncio.run(scenario())


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_an_embedder_that_returns_the_wrong_number_is_named(rows: int) -> None:
    class Short(AngleEmbedder):
        def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
            return np.zeros((rows + (rows == len(thumbnails)), 2), np.float32)

    async def scenario() -> None:
        line = Line([StoringSink()], embedder=Short())
        running = asyncio.ensure_future(line.pipeline.run())
        await line.add(ScriptedSource("gate", steady(0.01)))
        with pytest.raises(EmbedderError, match=r"'angle' \(\S+\) returned"):
            await running

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["source", "sink", "closing"])
def test_a_defect_ends_the_service_loudly_and_every_sink_is_closed(where: str) -> None:
    class Faulty(StoringSink):
        def apply(self, update: SelectionUpdate) -> None:
            if where == "sink" and len(self.verdicts) > 5:
                raise ZeroDivisionError
            super().apply(update)

        def close(self) -> None:
            if where == "closing":
                raise ZeroDivisionError
            super().close()

    class Unhurried(StoringSink):
        def close(self) -> None:
            time.sleep(0.2)
            super().close()

    async def scenario() -> None:
        faulty, disk = Faulty("mqtt"), Unhurried("disk")
        line = Line([faulty, disk])
        running = asyncio.ensure_future(line.pipeline.run())
        script = (
            steps(*[0.005] * 20, ZeroDivisionError("gate")) if where == "source" else steady(0.005)
        )
        await line.add(ScriptedSource("gate", script))
        await until(lambda: len(disk.verdicts) > 5)
        if where == "closing":
            line.pipeline.stop()
        with pytest.raises(ZeroDivisionError):
            await running
        assert disk.closed == 1

    asyncio.run(scenario())


def test_the_loop_and_the_judge_are_what_a_watchdog_asks() -> None:
    async def scenario() -> None:
        embedder = HangingEmbedder()
        line = Line([StoringSink()], LiveLimits(shutdown=1.0), embedder)
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(line.pipeline.run())
            await line.pipeline.check_alive()
            await line.add(ScriptedSource("gate", steady(0.005)))
            await until(embedder.hangs.is_set)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await line.pipeline.check_alive()
            embedder.go_on.set()
            await line.pipeline.check_alive()
            line.pipeline.stop()
            await ending
            await line.pipeline.check_alive()

    asyncio.run(scenario())


def test_a_service_that_is_stopped_before_it_began_ends_at_once() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        line = LivePipeline(
            ComputedEmbeddings(AngleEmbedder()),
            [disk],
            encode,
            lambda feed, upto: None,
            SystemClock(),
        )
        line.stop()
        await line.run()
        assert disk.closed == 1
        assert not line.left_behind

    asyncio.run(scenario())
