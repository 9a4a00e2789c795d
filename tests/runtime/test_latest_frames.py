"""Lanes: the newest win, feeds take turns, nobody waits for nothing, what is dropped is counted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.frame import Picture, PrefilteredFrame
from streamsel.runtime.latest_frames import Lanes
from tests.runtime.live_stages import prefiltered, until


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def keys(taken: Sequence[PrefilteredFrame]) -> list[str]:
    return [f"{seen.frame.key.feed}{seen.frame.key.index}" for seen in taken]


def test_a_full_lane_keeps_the_newest_and_counts_the_rest() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        frames = [prefiltered("a", index) for index in range(10)]
        for seen in frames:
            lanes.put(seen)
        assert keys(await lanes.take(32, 0.0)) == ["a6", "a7", "a8", "a9"]
        assert lanes.dropped() == {"a": 6}
        assert lanes.dropped() == {}
        assert [seen.frame.picture.held_bytes == 0 for seen in frames] == [True] * 6 + [False] * 4

    run(scenario())


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=120), st.integers(1, 5))
def test_refused_frames_give_way_first_and_are_bounded(refused: list[bool], depth: int) -> None:
    async def scenario() -> None:
        lanes = Lanes(depth)
        lanes.open("a")
        for index, flag in enumerate(refused):
            lanes.put(prefiltered("a", index, refused=flag))
            assert len(lanes) <= 4 * depth
        waiting = len(lanes)
        dropped = lanes.dropped().get("a", 0)
        assert waiting + dropped == len(refused)
        lanes.end()
        taken = await lanes.take(1000, 0.0)
        indices = [seen.frame.key.index for seen in taken]
        assert indices == sorted(indices)
        passing = [index for index, flag in enumerate(refused) if not flag]
        assert [i for i in indices if not refused[i]] == passing[-depth:]

    run(scenario())


def test_feeds_take_turns_and_none_starves() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=100)
        for feed in "abc":
            lanes.open(feed)
        for index in range(100):
            lanes.put(prefiltered("a", index))
        for feed in "bc":
            lanes.put(prefiltered(feed, 0))
        taken = [keys(await lanes.take(2, 0.0)) for _ in range(3)]
        assert taken == [["a0", "b0"], ["c0", "a1"], ["a2", "a3"]]

    run(scenario())


def test_with_more_feeds_than_a_batch_all_are_served_alike() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        feeds = [f"feed{number}-" for number in range(7)]
        for feed in feeds:
            lanes.open(feed)
        served: list[str] = []
        for index in range(14):
            for feed in feeds:
                lanes.put(prefiltered(feed, index))
            served += [seen.frame.key.feed for seen in await lanes.take(2, 0.0)]
        assert sorted(served) == sorted(feeds * 4)

    run(scenario())


def test_a_taker_that_sleeps_is_woken_from_another_thread() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        taking = asyncio.ensure_future(lanes.take(8, 0.0))
        await asyncio.sleep(0)
        await asyncio.to_thread(lanes.put, prefiltered("a", 0))
        assert keys(await taking) == ["a0"]

    run(scenario())


def test_frames_of_several_feeds_that_come_together_are_taken_together() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        lanes.open("b")
        taking = asyncio.ensure_future(lanes.take(8, 0.2))
        await asyncio.sleep(0)
        lanes.put(prefiltered("a", 0))
        await asyncio.sleep(0.01)
        lanes.put(prefiltered("b", 0))
        assert keys(await taking) == ["a0", "b0"]

    run(scenario())


def test_what_waits_already_is_taken_at_once() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        lanes.open("b")
        lanes.put(prefiltered("a", 0))
        # An hour's patience would never end; it is for those who wait for the first frame.
        async with asyncio.timeout(5):
            assert keys(await lanes.take(8, 3600.0)) == ["a0"]

    run(scenario())


def test_shutting_the_only_lane_that_holds_frames_does_not_end_the_stream() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        lanes.open("b")
        taking = asyncio.ensure_future(lanes.take(8, 0.05))
        await asyncio.sleep(0)
        lanes.put(prefiltered("a", 0))
        await asyncio.sleep(0.01)
        lanes.shut("a")
        await asyncio.sleep(0.1)
        assert not taking.done()
        lanes.put(prefiltered("a", 1))
        lanes.put(prefiltered("b", 7))
        assert keys(await taking) == ["b7"]

    run(scenario())


def test_a_reader_that_is_held_up_in_its_lane_holds_up_no_other() -> None:
    class Heavy(Picture):
        """Takes as long to let go of as the test wants."""

        begun, done = threading.Event(), threading.Event()

        def drop(self) -> None:
            self.begun.set()
            self.done.wait()

    async def scenario() -> None:
        lanes = Lanes(depth=1)
        for feed in "ab":
            lanes.open(feed)
        seen = prefiltered("a", 0)
        lanes.put(replace(seen, frame=replace(seen.frame, picture=Heavy(None))))
        held_up = asyncio.ensure_future(asyncio.to_thread(lanes.put, prefiltered("a", 1)))
        await asyncio.to_thread(Heavy.begun.wait)
        async with asyncio.timeout(20):
            await asyncio.to_thread(lanes.put, prefiltered("b", 0))
        Heavy.done.set()
        await held_up
        assert keys(await lanes.take(8, 0.0)) == ["a1", "b0"]

    run(scenario())


def test_at_the_end_the_rest_is_taken_and_then_nothing() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        lanes.open("a")
        lanes.put(prefiltered("a", 0))
        lanes.end()
        assert keys(await lanes.take(8, 0.0)) == ["a0"]
        assert await lanes.take(8, 0.0) == []

    run(scenario())


def test_the_end_wakes_a_taker_that_sleeps() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=4)
        taking = asyncio.ensure_future(lanes.take(8, 0.0))
        await asyncio.sleep(0)
        lanes.end()
        await until(taking.done)
        assert taking.result() == []

    run(scenario())


def test_there_is_room_until_another_frame_would_give_way() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=2)
        lanes.open("a")
        lanes.open("b")
        assert lanes.await_empty("a", 0)
        for index in range(2):
            assert lanes.await_room("a", 0)
            lanes.put(prefiltered("a", index))
        assert not lanes.await_room("a", 0)
        assert not lanes.await_empty("a", 0)
        assert lanes.await_room("b", 0)
        waiting = asyncio.to_thread(lanes.await_room, "a", 10)
        taken, has_room = await asyncio.gather(lanes.take(1, 0.0), waiting)
        assert keys(taken) == ["a0"]
        assert has_room
        lanes.shut("a")
        assert lanes.await_room("a", 0)
        assert lanes.dropped() == {}

    run(scenario())


def test_what_is_refused_takes_room_too() -> None:
    async def scenario() -> None:
        lanes = Lanes(depth=2)
        lanes.open("a")
        for index in range(8):
            assert lanes.await_room("a", 0)
            lanes.put(prefiltered("a", index, refused=True))
        assert not lanes.await_room("a", 0)
        assert lanes.dropped() == {}

    run(scenario())
