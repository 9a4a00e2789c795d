"""Deliveries: order, retries for ever, bounds while a sink fails, what it has to say."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.clock import SystemClock
from streamsel.decisions import Event, Evicted, FeedStatus, Kept, SelectionUpdate, Verdict
from streamsel.errors import SinkError
from streamsel.frame import Candidate, FrameKey
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.delivery import Delivery
from tests.polling import until
from tests.runtime.live_stages import StoringSink, Watcher, live_frame, prefiltered


@asynccontextmanager
async def delivering(
    sink: Sink,
    watcher: Watcher,
    most_waiting: int = 64,
    most_bytes: int = 1 << 20,
    is_record: bool = True,
) -> AsyncIterator[Delivery]:
    """Run a delivery around the block; everything is handed over after it."""
    delivery = Delivery(
        sink,
        [watcher],
        SystemClock(),
        most_waiting=most_waiting,
        most_bytes=most_bytes,
        is_record=is_record,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(delivery.deliver(), name="sink")
            try:
                yield delivery
            finally:
                delivery.end()
    finally:
        assert await delivery.close(5.0)


def verdict(feed: str, index: int, *events: Event) -> Verdict:
    candidate = Candidate(prefiltered(feed, index), None)
    return Verdict(candidate, "covered", "covered", None, None, None, events)


def keeps(feed: str, index: int, size_bytes: int = 100) -> Kept:
    return Kept(live_frame(feed, index, size_bytes=size_bytes), None, None, 0.0, "novel")


def update(
    feed: str, index: int, *events: Event, changes: Sequence[Event] = (), state: bytes | None = None
) -> SelectionUpdate:
    return SelectionUpdate(feed, (verdict(feed, index, *events),), tuple(changes), state)


def sliding(feed: str, length: int, keep: int) -> list[SelectionUpdate]:
    """Judgements that keep a frame each, and evict the oldest once there are ``keep``."""
    made, members = [], deque[Kept]()
    for index in range(length):
        members.append(keeps(feed, index))
        events: list[Event] = [members[-1]]
        if len(members) > keep:
            events.append(Evicted(members.popleft().frame, None, None, "closest-pair"))
        made.append(update(feed, index, *events, state=str(index).encode()))
    return made


def test_judgements_arrive_in_order() -> None:
    async def scenario() -> None:
        sink = StoringSink()
        async with delivering(sink, Watcher()) as delivery:
            for each in sliding("a", 50, 3):
                delivery.post(each)
                await asyncio.sleep(0)
        assert sink.verdicts == [FrameKey("a", index) for index in range(50)]
        assert sorted(sink.kept) == [FrameKey("a", index) for index in (47, 48, 49)]
        assert sink.closed == 1

    asyncio.run(scenario())


def test_of_several_in_one_call_each_is_taken_once_though_one_of_them_fails_at_first() -> None:
    class Failing(StoringSink):
        calls = 0

        def apply(self, update: SelectionUpdate) -> None:
            self.calls += 1
            if self.calls in {3, 4, 20}:
                raise SinkError("no room")
            super().apply(update)

    async def scenario() -> None:
        sink, watcher = Failing(), Watcher()
        async with delivering(sink, watcher, most_waiting=1024) as delivery:
            for index in range(100):
                delivery.post(update("a", index))
        assert sink.verdicts == [FrameKey("a", index) for index in range(100)]
        assert sink.calls == 103

    asyncio.run(scenario())


def test_only_the_record_says_which_frames_gave_way() -> None:
    async def dropped(is_record: bool) -> int:
        sink, watcher = StoringSink(), Watcher()
        sink.hanging.clear()
        async with delivering(sink, watcher, most_waiting=2, is_record=is_record) as delivery:
            for index in range(20):
                delivery.post(update("a", index))
            sink.hanging.set()
        return sum(watcher.dropped_frames.values())

    assert asyncio.run(dropped(True)) > 10
    assert asyncio.run(dropped(False)) == 0


def test_what_was_kept_is_told_as_delivered_once_the_sink_has_it() -> None:
    class Present(Watcher):
        def delivered(self, name: str, update: SelectionUpdate) -> None:
            assert name == sink.name
            super().delivered(name, update)
            assert sink.kept.keys() >= self.delivered_frames[name]

    sink, watcher = StoringSink(), Present()

    async def scenario() -> None:
        sink.failing = True
        async with delivering(sink, watcher) as delivery:
            for index in range(5):
                delivery.post(update("a", index, keeps("a", index)))
            await until(lambda: delivery.is_failing)
            assert not watcher.delivered_frames[sink.name]
            sink.failing = False

    asyncio.run(scenario())
    assert watcher.delivered_frames[sink.name] == {FrameKey("a", index) for index in range(5)}


def test_while_a_sink_fails_memory_is_bounded_and_the_outcome_the_same() -> None:
    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        sink.failing = True
        async with delivering(sink, watcher, most_waiting=8) as delivery:
            streams = [sliding("a", 300, 5), sliding("b", 300, 2)]
            for pair in zip(*streams, strict=True):
                for each in pair:
                    delivery.post(each)
                assert len(delivery) <= 9
                await asyncio.sleep(0)
            await until(lambda: watcher.failures["disk"] > 2)
            assert delivery.is_failing
            sink.failing = False
            assert await delivery.wait_taken(10.0)
            assert not delivery.is_failing
        assert sorted(sink.kept) == [
            *(FrameKey("a", index) for index in range(295, 300)),
            *(FrameKey("b", index) for index in (298, 299)),
        ]
        # The record never sees most of what came and went, and every such frame was counted.
        dropped = sum(watcher.dropped_frames.values())
        assert dropped + len(sink.verdicts) == 600
        assert len(sink.ever_kept) < 30
        assert sink.states == {"a": b"299", "b": b"299"}

    asyncio.run(scenario())


def test_a_sink_that_is_late_is_not_said_to_fail() -> None:
    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        sink.hanging.clear()
        async with delivering(sink, watcher, most_waiting=2) as delivery:
            for index in range(20):
                delivery.post(update("a", index))
            sink.hanging.set()
            assert await delivery.wait_taken(10.0)
        assert not watcher.failures
        assert {reason for _, reason in watcher.dropped_frames} == {"late"}

    asyncio.run(scenario())


def test_what_was_begun_is_tried_again_as_it_was() -> None:
    class Torn(StoringSink):
        """Stores a picture, then fails, twice; what it stored must come again."""

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[SelectionUpdate] = []

        def apply(self, update: SelectionUpdate) -> None:
            self.seen.append(update)
            if len(self.seen) <= 2:
                raise SinkError("disk: torn")
            super().apply(update)

    async def scenario() -> None:
        sink = Torn()
        async with delivering(sink, Watcher(), most_waiting=2) as delivery:
            first = update("a", 0, keeps("a", 0))
            delivery.post(first)
            await until(lambda: len(sink.seen) == 1)
            gone = Evicted(first.events[0].frame, None, None, "closest-pair")
            delivery.post(update("a", 1, gone))
            for index in range(2, 20):
                delivery.post(update("a", index))
        assert sink.seen[0] is sink.seen[1] is sink.seen[2]
        assert sink.kept == {}
        assert sink.ever_kept == {FrameKey("a", 0)}

    asyncio.run(scenario())


def test_pictures_that_wait_are_bounded_and_those_given_up_are_told() -> None:
    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        sink.failing = True
        async with delivering(sink, watcher, most_waiting=4, most_bytes=1000) as delivery:
            for index in range(30):
                delivery.post(update("a", index, keeps("a", index)))
            await until(lambda: watcher.failures["disk"] > 0)
            sink.failing = False
            assert await delivery.wait_taken(10.0)
            lost = delivery.take_lost()
        assert sorted(sink.kept) == [FrameKey("a", index) for index in range(30)]
        assert lost == [FrameKey("a", index) for index in range(20)]

    asyncio.run(scenario())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60), st.integers(1, 6))
def test_whatever_is_merged_the_sink_ends_with_the_same_frames(
    script: list[tuple[str, bool]], most_waiting: int
) -> None:
    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        streams = {feed: iter(sliding(feed, 61, 3)) for feed in "abc"}
        expected: dict[FrameKey, None] = {}
        delivered = 0
        delivery = Delivery(
            sink,
            [watcher],
            SystemClock(),
            most_waiting=most_waiting,
            most_bytes=1 << 20,
            is_record=True,
        )
        for feed, pause in script:
            each = next(streams[feed])
            for event in each.events:
                if isinstance(event, Kept):
                    expected[event.frame.key] = None
                else:
                    del expected[event.frame.key]
            delivery.post(each)
            assert delivery.has_taken(delivered)
            assert not delivery.has_taken(delivered + 1)
            if pause:
                delivery.end()
                await delivery.deliver()
                delivered = delivery.posted
                assert delivery.has_taken(delivered)
        delivery.end()
        await delivery.deliver()
        await delivery.close(5.0)
        assert sorted(sink.kept) == sorted(expected)

    asyncio.run(scenario())


def test_what_was_merged_into_a_later_judgement_is_not_taken_before_that() -> None:
    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        delivery = Delivery(
            sink, [watcher], SystemClock(), most_waiting=2, most_bytes=1 << 20, is_record=True
        )
        for feed in "aba":
            delivery.post(update(feed, delivery.posted))
        assert len(delivery) == 2
        assert not delivery.has_taken(1)
        delivery.end()
        await delivery.deliver()
        assert delivery.has_taken(3)
        await delivery.close(5.0)

    asyncio.run(scenario())


def test_a_sink_that_is_slow_but_goes_on_is_waited_for() -> None:
    class Slow(StoringSink):
        """Takes an update whenever the test lets it."""

        turns = threading.Semaphore(0)

        def apply(self, update: SelectionUpdate) -> None:
            self.turns.acquire()
            super().apply(update)

    async def scenario() -> None:
        sink = Slow()
        async with delivering(sink, Watcher()) as delivery:
            for index in range(20):
                delivery.post(update(f"feed{index}", index))
            waiting = asyncio.ensure_future(delivery.wait_taken(1.0))
            for taken in range(20):
                assert not waiting.done()
                await asyncio.sleep(0.1)
                sink.turns.release()
                await until(partial(has_more_than, sink, taken))
            assert await waiting

    asyncio.run(scenario())


def test_a_sink_that_takes_nothing_is_not_waited_for() -> None:
    async def scenario() -> None:
        sink = StoringSink()
        async with delivering(sink, Watcher()) as delivery:
            sink.hanging.clear()
            delivery.post(update("a", 0))
            assert not await delivery.wait_taken(0.05)
            sink.hanging.set()

    asyncio.run(scenario())


def test_of_a_feed_the_newest_status_is_told() -> None:
    def status(feed: str, sessions: int) -> FeedStatus:
        return FeedStatus(feed, f"rtsp://{feed}", "up", "", 0.0, sessions, None)

    async def scenario() -> None:
        sink, watcher = StoringSink(), Watcher()
        sink.failing = True
        async with delivering(sink, watcher) as delivery:
            delivery.post_status(status("a", 1))
            await until(lambda: watcher.failures["disk"] > 0)
            for sessions in (2, 3):
                delivery.post_status(status("a", sessions))
                delivery.post_status(status("b", sessions))
            sink.failing = False
            await until(lambda: len(sink.statuses) >= 2)
        assert {each.feed: each.sessions for each in sink.statuses} == {"a": 3, "b": 3}

    asyncio.run(scenario())


def test_ticks_come_by_themselves_and_their_failures_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Offline(StoringSink):
        ticks = 0

        def tick(self) -> None:
            self.ticks += 1
            if self.failing:
                raise SinkError("mqtt: no broker at broker:1883")

    async def scenario() -> None:
        sink, watcher = Offline("mqtt"), Watcher()
        sink.failing = True
        async with delivering(sink, watcher) as delivery:
            await until(lambda: sink.ticks >= 3)
            sink.failing = False
            await until(lambda: not delivery.is_failing)

    with caplog.at_level(logging.INFO, "streamsel.sinks"):
        asyncio.run(scenario())
    assert [record.message for record in caplog.records] == [
        "mqtt: mqtt: no broker at broker:1883; trying again",
        "mqtt: works again",
    ]


def test_a_failing_tick_does_not_keep_judgements_waiting() -> None:
    class Offline(StoringSink):
        def tick(self) -> None:
            raise SinkError("no broker")

    async def scenario() -> None:
        sink = Offline()
        async with delivering(sink, Watcher()) as delivery:
            for each in sliding("a", 20, 3):
                delivery.post(each)
            assert await delivery.wait_taken(10.0)
        assert len(sink.verdicts) == 20

    asyncio.run(scenario())


def test_a_sink_that_hangs_is_left_behind() -> None:
    async def scenario() -> None:
        sink = StoringSink()
        sink.hanging.clear()
        delivery = Delivery(sink, [], SystemClock(), most_waiting=4, most_bytes=100, is_record=True)
        assert not await delivery.close(0.05)
        sink.hanging.set()
        await until(lambda: sink.closed == 1)

    asyncio.run(scenario())


def test_a_defect_in_a_sink_is_loud() -> None:
    class Faulty(StoringSink):
        def apply(self, update: SelectionUpdate) -> None:
            raise ZeroDivisionError

    async def scenario() -> None:
        async with delivering(Faulty(), Watcher()) as delivery:
            delivery.post(update("a", 0))
            await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as raised:
        asyncio.run(scenario())
    assert raised.group_contains(ZeroDivisionError)


@pytest.mark.parametrize(
    ("budget", "stored", "frames"), [(None, 10, 0), (1000, 10, 0), (900, 10, 1), (0, 40, 20)]
)
def test_how_many_frames_are_too_many(budget: int | None, stored: int, frames: int) -> None:
    async def scenario() -> None:
        sink = StoringSink(budget_bytes=budget)
        async with delivering(sink, Watcher()) as delivery:
            for index in range(stored):
                delivery.post(update("a", index, keeps("a", index)))
            assert await delivery.wait_taken(10.0)
            assert delivery.excess_frames == frames

    asyncio.run(scenario())


def test_a_call_runs_between_two_judgements_in_the_sinks_thread() -> None:
    async def scenario() -> None:
        sink = StoringSink()
        async with delivering(sink, Watcher()) as delivery:
            delivery.post(update("a", 0))
            assert await delivery.wait_taken(10.0)
            assert await delivery.run(lambda: len(sink.verdicts)) == 1

    asyncio.run(scenario())


def has_more_than(sink: StoringSink, taken: int) -> bool:
    return len(sink.verdicts) > taken
