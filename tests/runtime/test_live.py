"""The live line as a whole: what one feed, one sink or one call does never harms the others."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from streamsel.clock import SystemClock
from streamsel.errors import ConfigurationError, EmbedderError, SinkError
from streamsel.event import Judgement
from streamsel.frame import FrameKey, Thumbnail, Vectors
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.live import LivePipeline
from tests.runtime.live_stages import (
    Line,
    NewestSelector,
    ScriptedSource,
    StoringSink,
    encode,
    feed_of,
    running,
    steady,
    steps,
    until,
)
from tests.runtime.stages import AngleEmbedder, OpenScreen


class SlowEmbedder(AngleEmbedder):
    """Takes its time, and notes how many feeds it saw in a batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        time.sleep(self.seconds)
        return super().embed(thumbnails)


class HangingEmbedder(AngleEmbedder):
    """Hangs from the second batch on, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        if self.batches:
            self.go_on.wait()
        return super().embed(thumbnails)


class FailingEmbedder(AngleEmbedder):
    """Works for some batches, as a network on a device that is lost does."""

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        if len(self.batches) == 10:
            raise EmbedderError("embedder 'angle': the device is lost; start the service again")
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
                    source, chosen[source.feed], open_screen=lambda: OpenScreen(refuse_every=4)
                )
            await until(lambda: min(gate.produced, yard.produced) > 100)
            await line.pipeline.alive()
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
            assert watcher.states_of(source.feed)[-1] == "up"
        assert {"embed", "judge", "encode", "disk", "mqtt"} <= watcher.stages
        assert set(watcher.queues) == {"inbox", "disk", "mqtt"}
        assert set(watcher.measured_scopes) == {"gate", "yard"}
        assert not line.pipeline.left_behind

    asyncio.run(scenario())


def test_a_frozen_feed_is_down_and_harms_nobody() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        frozen, good = (
            ScriptedSource("frozen", steps("freeze")),
            ScriptedSource("good", steady(0.01)),
        )
        async with running([disk]) as line:
            await line.add(frozen, down_after=0.3)
            await line.add(good)
            await until(lambda: line.state_of("frozen") == "down")
            before = len(disk.verdicts)
            await until(lambda: len(disk.verdicts) > before + 20)
            assert line.state_of("good") == "up"
            assert line.watcher.states_of("frozen") == ["connecting", "down"]
        assert line.pipeline.left_behind
        assert disk.closed == 1
        frozen.thaw.set()
        await until(lambda: not any("read-frozen" in t.name for t in threading.enumerate()))

    asyncio.run(scenario())


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
        await until(lambda: not any("streamsel" in t.name for t in threading.enumerate()))

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
        limits = LiveLimits(lane=4, retry_first=0.001)
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
            assert max(map(len, runs)) <= 2 * limits.lane
            assert watcher.dropped_frames[source.feed, "overload"] > len(judged)
        assert max(watcher.batches) <= 2 * limits.lane

    asyncio.run(scenario())


def test_a_sink_that_fails_for_long_holds_nobody_up_and_catches_up() -> None:
    async def scenario() -> None:
        disk, mqtt = StoringSink("disk"), StoringSink("mqtt")
        mqtt.failing = True
        source, selector = ScriptedSource("gate", steady(0.001)), NewestSelector(3, 4)
        limits = LiveLimits(most_waiting=8, retry_first=0.001)
        async with running([disk, mqtt], limits) as line:
            await line.add(source, selector, reserved=10**6)
            await until(lambda: len(disk.verdicts) > 500 and line.watcher.failures["mqtt"] > 2)
            assert line.pipeline.failing_sinks == ("mqtt",)
            await until(lambda: line.watcher.queues.get("mqtt", 0) > 0)
            assert line.watcher.queues["mqtt"] <= 9
            mqtt.failing = False
            await until(lambda: not line.pipeline.failing_sinks)
        assert sorted(mqtt.kept) == sorted(disk.kept) == list(selector.kept)
        assert is_in_order(mqtt.verdicts, "gate")
        assert len(mqtt.verdicts) < len(disk.verdicts)
        told = len(mqtt.verdicts) + line.watcher.dropped_frames["gate", "sink"]
        assert told == len(disk.verdicts)

    asyncio.run(scenario())


def test_a_feed_that_cannot_be_opened_at_first_comes_up() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        lost = steps("lost")
        source = ScriptedSource("gate", lost, lost, lost, steady(0.01))
        async with running([disk]) as line:
            await line.add(source)
            await until(lambda: line.state_of("gate") == "up")
        assert source.opened == 4
        assert disk.verdicts[0] == FrameKey("gate", 0)

    asyncio.run(scenario())


def test_five_hundred_reconnects_leave_no_thread_and_no_file_behind() -> None:
    async def scenario() -> None:
        source = ScriptedSource("gate", steps(0.0, 0.0, "lost"))
        limits = LiveLimits(retry_first=0.0002, retry_most=0.0004)
        async with running([StoringSink()], limits) as line:
            await line.add(source, reserved=10**6)
            await until(lambda: source.opened > 50)
            before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
            await until(lambda: source.opened > 550)
            assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before
        # Media time goes on however often the feed is lost.
        assert source.begun_at == sorted(source.begun_at)

    asyncio.run(scenario())


def test_feeds_of_a_group_share_a_coreset() -> None:
    async def scenario() -> None:
        disk, selector = StoringSink(), NewestSelector(every=5, capacity=6)
        gate, yard = ScriptedSource("gate", steady(0.005)), ScriptedSource("yard", steady(0.005))
        async with running([disk]) as line:
            await line.add(gate, selector, scope="site")
            await line.add(yard, NewestSelector(), scope="site")
            await until(lambda: min(gate.produced, yard.produced) > 40)
            assert line.pipeline.scopes == {"site": frozenset({"gate", "yard"})}
            await until(lambda: line.pipeline.sizes == {"site": 6})
            await line.pipeline.remove_feed("yard")
            count = gate.produced
            await until(lambda: gate.produced > count + 20)
            assert line.pipeline.scopes == {"site": frozenset({"gate"})}
        assert sorted(disk.kept) == list(selector.kept)
        assert {key.feed for key in disk.ever_kept} == {"gate", "yard"}
        assert set(disk.states) == {"site"}

    asyncio.run(scenario())


def test_feeds_come_and_go_without_stopping_the_others() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        gate, yard = ScriptedSource("gate", steady(0.005)), ScriptedSource("yard", steady(0.005))
        again = ScriptedSource("yard", steady(0.005))
        made = iter([yard, again])
        async with running([disk]) as line:
            await line.add(gate)
            await line.pipeline.add_feed(feed_of(yard, open_source=made.__next__), NewestSelector)
            await until(lambda: yard.produced > 20)
            removed = await line.pipeline.remove_feed("yard")
            assert line.watcher.removed == ["yard"]
            assert [status.feed for status in line.pipeline.statuses()] == ["gate"]
            assert set(line.pipeline.scopes) == {"gate"}
            before = gate.produced
            await line.pipeline.add_feed(removed, NewestSelector)
            await until(lambda: again.produced > 20 and gate.produced > before + 20)
        assert removed.start >= 20
        numbers = [key.index for key in disk.verdicts if key.feed == "yard"]
        assert numbers == sorted(set(numbers))
        assert again.begun_at[0] > yard.begun_at[0]
        assert numbers[-1] > removed.start + 10
        gates = [key.index for key in disk.verdicts if key.feed == "gate"]
        assert is_in_order(disk.verdicts, "gate")
        assert len(gates) > before

    asyncio.run(scenario())


def test_removing_the_feed_whose_frames_wait_does_not_end_the_judging() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        gate, yard = ScriptedSource("gate", steady(0.05)), ScriptedSource("yard", steady(0.001))
        async with running([disk], LiveLimits(patience=0.05)) as line:
            await line.add(gate)
            for _ in range(5):
                await line.add(yard, open_source=lambda: ScriptedSource("yard", steady(0.001)))
                await asyncio.sleep(0.02)
                await line.pipeline.remove_feed("yard")
            before = len(disk.verdicts)
            await until(lambda: len(disk.verdicts) > before + 5)

    asyncio.run(scenario())


def test_a_feed_is_switched_off_and_on() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        made = [ScriptedSource("gate", steady(0.005)) for _ in range(2)]
        openers = iter(made)
        async with running([disk]) as line:
            await line.add(made[0], open_source=openers.__next__)
            await until(lambda: made[0].produced > 10)
            line.pipeline.set_enabled("gate", False)
            await until(lambda: "disabled" in line.watcher.states_of("gate"))
            await until(lambda: not any("read-gate" in t.name for t in threading.enumerate()))
            line.pipeline.set_enabled("gate", True)
            await until(lambda: line.state_of("gate") == "up" and made[1].produced > 10)
            with pytest.raises(ConfigurationError, match="'yard' is not part of this service"):
                line.pipeline.set_enabled("yard", True)
        numbers = [key.index for key in disk.verdicts]
        assert numbers == sorted(set(numbers))

    asyncio.run(scenario())


def test_names_of_feeds_and_scopes_are_checked() -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigurationError, match="without a sink"):
            Line([])
        async with running([StoringSink()]) as line:
            await line.add(ScriptedSource("gate", steady(0.01)))
            with pytest.raises(ConfigurationError, match="one of that name already"):
                await line.add(ScriptedSource("gate", steady(0.01)))
            with pytest.raises(ConfigurationError, match="no feed or group 'yard'"):
                await line.pipeline.ask("yard", lambda selector: selector.size)
            with pytest.raises(ConfigurationError, match="'yard' is not part of this service"):
                await line.pipeline.remove_feed("yard")

    asyncio.run(scenario())


def test_no_number_is_used_before_it_is_reserved_and_a_restart_begins_beyond() -> None:
    class Checked(StoringSink):
        """Fails the test where a frame is judged whose number a restart would give away again."""

        line: Line

        def apply(self, judgement: Judgement) -> None:
            for verdict in judgement.verdicts:
                assert verdict.frame.key.index < self.line.reserved["gate"]
            super().apply(judgement)

    async def run_once(start: int) -> tuple[list[int], int]:
        sink = Checked()
        source = ScriptedSource("gate", steady(0.002))
        async with running([sink], LiveLimits(reserve=400)) as line:
            sink.line = line
            await line.add(source, start=start, reserved=0)
            await until(lambda: len(sink.verdicts) > 100)
        return [key.index for key in sink.verdicts], line.reserved["gate"]

    async def scenario() -> None:
        first, mark = await run_once(0)
        second, _ = await run_once(mark)
        assert max(first) < mark <= min(second)

    asyncio.run(scenario())


def test_a_reserve_that_cannot_be_recorded_is_used_up_and_tried_again() -> None:
    async def scenario() -> None:
        disk, source = StoringSink(), ScriptedSource("gate", steady(0.002))
        line = Line([disk], LiveLimits(shutdown=2.0, reserve=100_000))
        line.reserve_error = SinkError("disk: full")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.pipeline.run())
            await line.add(source, start=0, reserved=50)
            await until(lambda: line.watcher.dropped_frames["gate", "unreserved"] > 10)
            assert max(key.index for key in disk.verdicts) <= 49
            assert line.watcher.failures["disk"] > 0
            assert line.state_of("gate") == "up"
            line.reserve_error = None
            await until(lambda: len(disk.verdicts) > 70)
            line.pipeline.stop()
        numbers = [key.index for key in disk.verdicts]
        assert numbers == sorted(set(numbers))
        missing = line.watcher.dropped_frames["gate", "unreserved"]
        assert numbers[-1] - numbers[0] + 1 >= len(numbers) + missing

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
        with pytest.raises(EmbedderError, match="'angle' returned"):
            await running

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["source", "sink", "closing"])
def test_a_defect_ends_the_service_loudly_and_every_sink_is_closed(where: str) -> None:
    class Faulty(StoringSink):
        def apply(self, judgement: Judgement) -> None:
            if where == "sink" and len(self.verdicts) > 5:
                raise ZeroDivisionError
            super().apply(judgement)

        def close(self) -> None:
            if where == "closing":
                raise ZeroDivisionError
            super().close()

    async def scenario() -> None:
        faulty, disk = Faulty("mqtt"), StoringSink("disk")
        line = Line([faulty, disk])
        running = asyncio.ensure_future(line.pipeline.run())
        script = steps(*[0.005] * 20, "defect") if where == "source" else steady(0.005)
        await line.add(ScriptedSource("gate", script))
        await until(lambda: len(disk.verdicts) > 5)
        if where == "closing":
            line.pipeline.stop()
        with pytest.raises(ZeroDivisionError):
            await running
        assert disk.closed == 1
        await until(lambda: not any("streamsel" in t.name for t in threading.enumerate()))

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

            def resize(chosen: NewestSelector) -> list[object]:
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
            await asyncio.sleep(0.05)
            assert not calling.done()
            disk.hanging.set()
            assert await calling == list(selector.kept)
            assert removing.start >= 30

    asyncio.run(scenario())


def test_the_loop_and_the_judge_are_what_a_watchdog_asks() -> None:
    async def scenario() -> None:
        embedder = HangingEmbedder()
        line = Line([StoringSink()], LiveLimits(shutdown=1.0), embedder)
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(line.pipeline.run())
            await line.pipeline.alive()
            await line.add(ScriptedSource("gate", steady(0.005)))
            await until(lambda: len(embedder.batches) > 0)
            await asyncio.sleep(0.1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await line.pipeline.alive()
            embedder.go_on.set()
            await line.pipeline.alive()
            line.pipeline.stop()
            await ending
            await line.pipeline.alive()

    asyncio.run(scenario())


def test_a_service_that_is_stopped_before_it_began_ends_at_once() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        line = LivePipeline(AngleEmbedder(), [disk], encode, lambda feed, upto: None, SystemClock())
        line.stop()
        await line.run()
        assert disk.closed == 1
        assert not line.left_behind
        await until(lambda: not any("streamsel" in t.name for t in threading.enumerate()))

    asyncio.run(scenario())
