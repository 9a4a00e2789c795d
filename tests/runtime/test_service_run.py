"""The live line as a whole: order, overload, sinks that fail, budgets, changes from outside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from streamsel.decisions import Event, SelectionUpdate
from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey, Thumbnail, Vectors
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.limits import LiveLimits
from tests.polling import never, until
from tests.runtime.live_line import running
from tests.runtime.live_stages import NewestSelector, ScriptedSource, StoringSink, steady, steps
from tests.runtime.stages import AngleEmbedder, OpenPrefilter


class SlowEmbedder(AngleEmbedder):
    """Takes its time, and notes how many feeds it saw in a batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        time.sleep(self.seconds)
        return super().embed(thumbnails)


def is_in_order(keys: Sequence[FrameKey], feed: str) -> bool:
    indices = [key.index for key in keys if key.feed == feed]
    return indices == sorted(set(indices))


def test_frames_of_all_feeds_are_judged_and_stored_in_order() -> None:
    async def scenario() -> None:
        disk, mqtt = StoringSink("disk"), StoringSink("mqtt")
        gate, yard = ScriptedSource("gate", steady(0.002)), ScriptedSource("yard", steady(0.003))
        chosen = {source.feed: NewestSelector(every=7, capacity=3) for source in (gate, yard)}
        async with running([disk, mqtt]) as line:
            for source in (gate, yard):
                await line.add(
                    source,
                    chosen[source.feed],
                    open_prefilter=lambda: OpenPrefilter(refuse_every=4),
                )
            await until(lambda: min(gate.produced, yard.produced) > 100)
            await until(
                lambda: all("up" in line.watcher.states_of(feed) for feed in ("gate", "yard"))
            )
        for sink in (disk, mqtt):
            kept = [*chosen["gate"].kept, *chosen["yard"].kept]
            assert sorted(sink.kept) == kept
            assert is_in_order(sink.verdicts, "gate")
            assert is_in_order(sink.verdicts, "yard")
            assert sink.closed == 1
            assert sink.states["gate"] == chosen["gate"].state()
            assert {status.state for status in sink.statuses} <= {"connecting", "up"}
        watcher = line.watcher
        for source in (gate, yard):
            told = [key.index for key in disk.verdicts if key.feed == source.feed]
            assert watcher.judged_frames[source.feed] == len(told)
            assert len(told) + watcher.dropped_frames[source.feed, "overload"] <= told[-1] + 1
        assert {"embed", "judge", "encode", "disk", "mqtt"} <= watcher.stages
        assert set(watcher.queues) == {"inbox", "disk", "mqtt"}
        assert set(watcher.measured_scopes) == {"gate", "yard"}
        assert not line.pipeline.left_behind

    asyncio.run(scenario())


def test_a_feed_that_floods_does_not_starve_the_others() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        flood, calm = ScriptedSource("flood", steady(0.0005)), ScriptedSource("calm", steady(0.05))
        async with running([disk], embedder=SlowEmbedder(0.01)) as line:
            await line.add(flood, reserved=10**6)
            await line.add(calm)
            await until(lambda: calm.produced > 20)
        watcher = line.watcher
        assert watcher.dropped_frames["flood", "overload"] > 0
        assert watcher.dropped_frames["calm", "overload"] == 0
        calms = [key.index for key in disk.verdicts if key.feed == "calm"]
        assert calms == list(range(len(calms)))
        assert len(calms) >= 20

    asyncio.run(scenario())


def test_with_an_embedder_that_is_too_slow_the_newest_win_and_all_is_counted() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        gate, yard = ScriptedSource("gate", steady(0.001)), ScriptedSource("yard", steady(0.001))
        limits = LiveLimits(feed_queue=4, retry_first=0.001)
        async with running([disk], limits, SlowEmbedder(0.06)) as line:
            for source in (gate, yard):
                await line.add(source, reserved=10**6)
            await until(lambda: min(gate.produced, yard.produced) > 300)
        watcher = line.watcher
        for source in (gate, yard):
            judged = [key.index for key in disk.verdicts if key.feed == source.feed]
            assert judged == sorted(set(judged))
            # Each turn takes the newest four: never do more than that follow one another.
            runs = np.split(np.array(judged), np.flatnonzero(np.diff(judged) != 1) + 1)
            assert max(map(len, runs)) <= 2 * limits.feed_queue
            assert watcher.dropped_frames[source.feed, "overload"] > len(judged)
        assert max(watcher.batches) <= 2 * limits.feed_queue

    asyncio.run(scenario())


def test_a_sink_that_fails_for_long_holds_nobody_up_and_catches_up() -> None:
    async def scenario() -> None:
        disk, mqtt = StoringSink("disk"), StoringSink("mqtt")
        mqtt.failing = True
        source, selector = ScriptedSource("gate", steady(0.005)), NewestSelector(3, 4)
        limits = LiveLimits(most_waiting=8, retry_first=0.001)
        async with running([disk, mqtt], limits) as line:
            await line.add(source, selector, reserved=10**6)
            # What waits is merged once there is too much, which leaves verdicts out.
            await until(lambda: len(disk.verdicts) > 20)
            await until(lambda: line.watcher.failures["mqtt"] > 2)
            assert [*line.pipeline.failing_sinks] == ["mqtt"]
            stored = len(disk.verdicts)
            await until(lambda: len(disk.verdicts) > stored)
            await until(lambda: line.watcher.queues.get("mqtt", 0) > 0)
            assert line.watcher.queues["mqtt"] <= 9
            mqtt.failing = False
            await until(lambda: not line.pipeline.failing_sinks)
        assert sorted(mqtt.kept) == sorted(disk.kept) == list(selector.kept)
        assert is_in_order(mqtt.verdicts, "gate")
        assert len(mqtt.verdicts) < len(disk.verdicts)
        # The record has every frame: none of them gave way.
        assert {reason for _, reason in line.watcher.dropped_frames} <= {"overload"}

    asyncio.run(scenario())


def test_frames_whose_picture_a_sink_lost_are_forgotten_by_all() -> None:
    async def scenario() -> None:
        disk, mqtt = StoringSink("disk"), StoringSink("mqtt")
        source, selector = ScriptedSource("gate", steady(0.005)), NewestSelector(5, 1000)
        async with running([disk, mqtt]) as line:
            await line.add(source, selector)
            await until(lambda: len(mqtt.kept) > 3)
            lost = next(iter(mqtt.kept))
            mqtt.lose(lost)
            disk.lose(lost)
            disk.lose(FrameKey("nobody", 7))
            await until(lambda: bool(mqtt.evicted and disk.evicted))
            await until(lambda: line.watcher.dropped_frames["gate", "lost"] > 0)
        for sink in (disk, mqtt):
            assert [(one.frame.key, one.reason) for one in sink.evicted] == [(lost, "lost")]
        assert line.watcher.dropped_frames["gate", "lost"] == 1
        assert sorted(disk.kept) == sorted(mqtt.kept) == list(selector.kept)

    asyncio.run(scenario())


def test_a_budget_in_bytes_is_kept_and_not_undercut() -> None:
    async def scenario() -> None:
        disk = StoringSink(budget_bytes=2050)
        gate, yard = ScriptedSource("gate", steady(0.004)), ScriptedSource("yard", steady(0.004))
        chosen = [NewestSelector(2, 1000), NewestSelector(2, 1000)]
        async with running([disk]) as line:
            await line.add(gate, chosen[0])
            await line.add(yard, chosen[1])
            await until(lambda: len(disk.ever_kept) > 150)
            for feed in ("gate", "yard"):
                line.pipeline.set_enabled(feed, False)
            await until(lambda: disk.stored_bytes <= 2050)
            assert await line.pipeline.run_in_first_sink(lambda: disk.stored_bytes) == 2000
            assert disk.most_bytes > 2050
        assert sorted(disk.kept) == sorted([*chosen[0].kept, *chosen[1].kept])
        assert {one.reason for one in disk.evicted} == {"over-budget"}

    asyncio.run(scenario())


def test_no_more_is_evicted_for_bytes_before_the_sink_has_taken_the_last_evictions() -> None:
    class Slow(StoringSink):
        """A frame too many, by its own word, until it has taken an eviction."""

        def __init__(self) -> None:
            super().__init__()
            self.excess_bytes = 100
            self.go_on = threading.Event()

        def apply(self, update: SelectionUpdate) -> None:
            if update.changes:
                self.go_on.wait()
                self.excess_bytes = 0
            super().apply(update)

    async def scenario() -> None:
        disk, selector = Slow(), NewestSelector(every=1, capacity=100)
        source = ScriptedSource("gate", steps(*[0.002] * 20, "freeze"))
        async with running([disk]) as line:
            await line.add(source, selector)
            await until(lambda: len(selector.judged) == 20)
            await until(lambda: len(selector.members) < 20)
            is_less = partial(has_fewer_than, selector, 19)
            await never(is_less, within=0.8, what="more is evicted than one")
            disk.go_on.set()
            await until(lambda: len(disk.kept) == 19)
            source.thaw.set()

    asyncio.run(scenario())


def test_a_selector_is_changed_and_asked_in_the_judges_thread() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=1, capacity=50)
        async with running([disk]) as line:
            await line.add(ScriptedSource("gate", steady(0.002)), selector)
            await until(lambda: len(disk.kept) == 50)
            changed = await line.pipeline.change("gate", lambda chosen: chosen.resize(10))
            assert len(changed.changes) >= 40
            assert await line.pipeline.ask("gate", lambda chosen: chosen.size) == 10
            name = await line.pipeline.ask("gate", lambda _: threading.current_thread().name)
            assert name == "streamsel-judge"
            with pytest.raises(ConfigurationError, match="count is 0"):
                await line.pipeline.change("gate", lambda chosen: chosen.resize(0))
            unchanged = await line.pipeline.change("gate", lambda chosen: [])
            assert unchanged.state is not None
            judged = len(selector.judged)
            await until(lambda: len(selector.judged) > judged + 20)
        assert sorted(disk.kept) == list(selector.kept)
        assert "resized" in {one.reason for one in disk.evicted}

    asyncio.run(scenario())


def test_a_change_whose_caller_gives_up_reaches_the_sinks_all_the_same() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=1, capacity=50)
        resizing, go_on = threading.Event(), threading.Event()

        async with running([disk]) as line:
            await line.add(ScriptedSource("gate", steady(0.002)), selector)
            await until(lambda: len(disk.kept) == 50)

            def resize(chosen: LiveSelector) -> Sequence[Event]:
                resizing.set()
                go_on.wait()
                return chosen.resize(10)

            changing = asyncio.ensure_future(line.pipeline.change("gate", resize))
            await until(resizing.is_set)
            changing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await changing
            go_on.set()
            await until(lambda: len(disk.kept) == 10)
        assert sorted(disk.kept) == list(selector.kept)

    asyncio.run(scenario())


def test_calls_in_the_first_sink_come_after_all_that_was_decided() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=1, capacity=1000)
        async with running([disk]) as line:
            await line.add(ScriptedSource("gate", steps(*[0.001] * 60, "freeze")), selector)
            await until(lambda: len(selector.judged) > 10)
            disk.hanging.clear()
            await until(lambda: len(selector.judged) > 30)
            removing = await line.pipeline.remove_feed("gate")
            calling = asyncio.ensure_future(
                line.pipeline.run_in_first_sink(lambda: sorted(disk.kept))
            )
            await never(calling.done, within=0.05, what="it is called before")
            disk.hanging.set()
            assert await calling == list(selector.kept)
            assert removing.start >= 30

    asyncio.run(scenario())


def has_fewer_than(selector: NewestSelector, frames: int) -> bool:
    return len(selector.members) < frames
