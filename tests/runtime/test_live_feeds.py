"""Feeds of a live line: what one does never harms the others, and no number is used twice."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from streamsel.decisions import FeedStatus, Rhythm, SelectionUpdate, Verdict
from streamsel.errors import ConfigurationError, SinkError
from streamsel.frame import Candidate, FrameKey, Thumbnail, Vectors
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.reservations import Reservations
from tests.polling import until
from tests.runtime.live_line import Line, running
from tests.runtime.live_stages import (
    NewestSelector,
    ScriptedSource,
    StoringSink,
    Watcher,
    feed_of,
    steady,
    steps,
)
from tests.runtime.stages import AngleEmbedder


def is_in_order(keys: Sequence[FrameKey], feed: str) -> bool:
    indices = [key.index for key in keys if key.feed == feed]
    return indices == sorted(set(indices))


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
            await until(lambda: "down" in line.watcher.states_of("frozen"))
            assert "up" not in line.watcher.states_of("frozen")
        assert line.pipeline.left_behind
        assert disk.closed == 1
        frozen.thaw.set()

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
                again = ScriptedSource("yard", steady(0.001))
                await line.add(yard, open_source=partial(itself, again))
                await until(partial(has_sent, again, 10))
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


def test_a_feed_that_cannot_be_made_leaves_the_service_as_it_was() -> None:
    def refuse() -> ScriptedSource:
        raise ConfigurationError("feed 'yard': no such filter 'crobp'")

    async def scenario() -> None:
        disk, gate = StoringSink(), ScriptedSource("gate", steady(0.01))
        yard = ScriptedSource("yard", steady(0.01))
        async with running([disk]) as line:
            await line.add(gate)
            with pytest.raises(ConfigurationError, match="crobp"):
                await line.add(yard, open_source=refuse)
            assert set(line.pipeline.scopes) == {"gate"}
            await line.add(yard, open_source=refuse, enabled=False)
            with pytest.raises(ConfigurationError, match="crobp"):
                line.pipeline.set_enabled("yard", True)
            assert line.state_of("yard") == "disabled"
            await line.pipeline.remove_feed("yard")
            await line.add(yard)
            await until(lambda: line.state_of("yard") == "up")

    asyncio.run(scenario())


def test_of_feeds_added_together_those_before_a_wrong_one_are_read_and_the_others_can_be() -> None:
    def refuse() -> ScriptedSource:
        raise ConfigurationError("feed 'yard': no such filter 'crobp'")

    async def scenario() -> None:
        async with running([StoringSink()]) as line:
            gate, yard, hall = (
                ScriptedSource(feed, steady(0.01)) for feed in ("gate", "yard", "hall")
            )
            made = [feed_of(gate), feed_of(yard, open_source=refuse), feed_of(hall)]
            with pytest.raises(ConfigurationError, match="crobp"):
                await line.pipeline.add_feeds([(feed, NewestSelector) for feed in made])
            assert line.pipeline.scopes == {"gate": {"gate"}}
            await until(lambda: line.state_of("gate") == "up")
            with pytest.raises(ConfigurationError, match="'gate': there is one"):
                await line.pipeline.add_feeds(
                    [(made[2], NewestSelector), (made[0], NewestSelector)]
                )
            house = [feed_of(source, scope="house") for source in (yard, hall)]
            await line.pipeline.add_feeds([(feed, NewestSelector) for feed in house])
            await until(lambda: line.state_of("hall") == line.state_of("yard") == "up")
            assert line.pipeline.scopes == {"gate": {"gate"}, "house": {"yard", "hall"}}

    asyncio.run(scenario())


def test_no_number_is_used_before_it_is_reserved_and_a_restart_begins_beyond() -> None:
    class Checked(StoringSink):
        """Fails the test if a judged frame has a number that a restart would use again."""

        line: Line

        def apply(self, update: SelectionUpdate) -> None:
            for verdict in update.verdicts:
                assert verdict.frame.key.index < self.line.reserved["gate"]
            super().apply(update)

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


def test_a_feed_that_is_added_has_its_numbers_reserved_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamsel.runtime.reservations._LOOK_SECONDS", 3600.0)

    async def scenario() -> None:
        disk = StoringSink()
        async with running([disk]) as line:
            for feed in ("gate", "yard"):
                await line.add(ScriptedSource(feed, steady(0.005)), reserved=0)
                await until(partial(has_some_of, disk, feed))

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


@dataclass
class _Counter:
    """A reader that has used so many of the numbers that it may."""

    next_index: int
    reserved: int


class _Caller:
    """Carries calls out at once."""

    async def run(self, call: Callable[[], None]) -> None:
        call()


@pytest.mark.parametrize(("used", "reserved"), [(59, 100), (60, 140), (100, 180)])
def test_numbers_are_reserved_once_half_of_a_step_is_left(used: int, reserved: int) -> None:
    async def scenario() -> None:
        asked: list[tuple[str, int]] = []
        reader = _Counter(used, 100)
        supervisor: Any = SimpleNamespace(readers={"gate": reader})
        first: Any = _Caller()
        reserves = Reservations(supervisor, first, lambda *args: asked.append(args), 80, [])
        keeping = asyncio.ensure_future(reserves.keep())
        await asyncio.sleep(0)
        keeping.cancel()
        assert reader.reserved == reserved
        assert asked == [("gate", reserved)] * (reserved > 100)

    asyncio.run(scenario())


class Weighing(AngleEmbedder):
    """Waits for a moment with every batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._moment = threading.Event()
        self._seconds = seconds

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        self._moment.wait(self._seconds)
        return super().embed(thumbnails)


def test_a_burst_is_judged_whole_where_the_judge_keeps_up() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        source = ScriptedSource("gate", steps(*[0.0] * 50, "freeze"))
        source.rhythm, source.rate = Rhythm(speed=math.inf), 1.0
        # Far slower than the burst comes, and much faster than it plays.
        async with running([disk], embedder=Weighing(0.05)) as line:
            await line.add(source)
            try:
                await until(lambda: len(disk.verdicts) == 50)
                assert line.watcher.dropped_frames == {}
            finally:
                source.thaw.set()

    asyncio.run(scenario())


def test_a_burst_that_does_not_end_loses_its_oldest_once_it_is_due() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        source = ScriptedSource("gate", steady(0.0))
        source.rhythm = Rhythm(speed=math.inf)
        async with running([disk], embedder=Weighing(0.5)) as line:
            await line.add(source)
            await until(lambda: line.watcher.dropped_frames["gate", "overload"] > 5)
        assert is_in_order(disk.verdicts, "gate")

    asyncio.run(scenario())


def test_a_file_ends_when_all_of_it_is_judged_and_nothing_is_dropped() -> None:
    class Late(NewestSelector):
        """Owes its verdicts to the end."""

        def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
            self.owed = [*getattr(self, "owed", ()), *super().judge(candidates)]
            return []

        def finish(self) -> list[Verdict]:
            return self.owed

    async def scenario() -> None:
        disk = StoringSink()
        source = ScriptedSource("clip", steps(*[0.0] * 300))
        source.rhythm = Rhythm(speed=math.inf, is_finite=True)
        judged: list[int] = []

        class Asking(Watcher):
            def feed_changed(self, status: FeedStatus) -> None:
                super().feed_changed(status)
                if status.state == "ended":
                    judged.append(self.judged_frames["clip"])

        async with running([disk], embedder=Weighing(0.01), watcher=Asking()) as line:
            await line.add(source, Late())
            await until(lambda: "ended" in line.watcher.states_of("clip"))
            assert judged == [300]
            assert line.watcher.dropped_frames == {}
            assert source.opened == 1
            await until(lambda: len(disk.verdicts) == 300)

    asyncio.run(scenario())


def test_a_file_waits_for_a_sink_that_is_late_and_every_frame_has_a_verdict() -> None:
    async def scenario() -> None:
        disk = StoringSink()
        disk.hanging.clear()
        clip = ScriptedSource("clip", steps(*[0.0] * 300))
        clip.rhythm = Rhythm(speed=math.inf, is_finite=True)
        limits = LiveLimits(most_waiting=8, shutdown=2.0)
        async with running([disk], limits) as line:
            try:
                await line.add(clip)
                await line.add(ScriptedSource("gate", steady(0.002)))
                await until(lambda: line.watcher.judged_frames["gate"] > 200)
                assert line.watcher.judged_frames["clip"] < 300
            finally:
                disk.hanging.set()
            await until(lambda: "ended" in line.watcher.states_of("clip"))
            await until(lambda: sum(key.feed == "clip" for key in disk.verdicts) == 300)
            assert "clip" not in {feed for feed, _ in line.watcher.dropped_frames}

    asyncio.run(scenario())


def has_some_of(sink: StoringSink, feed: str) -> bool:
    return any(key.feed == feed for key in sink.verdicts)


def itself(source: ScriptedSource) -> ScriptedSource:
    return source


def has_sent(source: ScriptedSource, frames: int) -> bool:
    return source.produced >= frames
