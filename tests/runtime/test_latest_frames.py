"""Latest frames: the newest win, feeds take turns, nobody waits for nothing, drops are counted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.frame import Picture, PrefilteredFrame
from streamsel.runtime.latest_frames import LatestFrames
from tests.polling import never, until
from tests.runtime.live_stages import prefiltered


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def keys(taken: Sequence[PrefilteredFrame]) -> list[str]:
    return [f"{seen.frame.key.feed}{seen.frame.key.index}" for seen in taken]


def test_a_full_lane_keeps_the_newest_and_counts_the_rest() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        frames = [prefiltered("a", index) for index in range(10)]
        for seen in frames:
            latest.put(seen)
        assert keys(await latest.take(32, 0.0)) == ["a6", "a7", "a8", "a9"]
        assert latest.dropped() == {"a": 6}
        assert latest.dropped() == {}
        assert [seen.frame.picture.held_bytes == 0 for seen in frames] == [True] * 6 + [False] * 4

    run(scenario())


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=120), st.integers(1, 5))
def test_refused_frames_give_way_first_and_are_bounded(refused: list[bool], depth: int) -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth)
        latest.open("a")
        for index, flag in enumerate(refused):
            latest.put(prefiltered("a", index, refused=flag))
            assert len(latest) <= 4 * depth
        waiting = len(latest)
        dropped = latest.dropped().get("a", 0)
        assert waiting + dropped == len(refused)
        latest.end()
        taken = await latest.take(1000, 0.0)
        indices = [seen.frame.key.index for seen in taken]
        assert indices == sorted(indices)
        passing = [index for index, flag in enumerate(refused) if not flag]
        assert [i for i in indices if not refused[i]] == passing[-depth:]

    run(scenario())


def test_feeds_take_turns_and_none_starves() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=100)
        for feed in "abc":
            latest.open(feed)
        for index in range(100):
            latest.put(prefiltered("a", index))
        for feed in "bc":
            latest.put(prefiltered(feed, 0))
        taken = [keys(await latest.take(2, 0.0)) for _ in range(3)]
        assert taken == [["a0", "b0"], ["c0", "a1"], ["a2", "a3"]]

    run(scenario())


def test_with_more_feeds_than_a_batch_all_are_served_alike() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        feeds = [f"feed{number}-" for number in range(7)]
        for feed in feeds:
            latest.open(feed)
        served: list[str] = []
        for index in range(14):
            for feed in feeds:
                latest.put(prefiltered(feed, index))
            served += [seen.frame.key.feed for seen in await latest.take(2, 0.0)]
        assert sorted(served) == sorted(feeds * 4)

    run(scenario())


def test_a_taker_that_sleeps_is_woken_from_another_thread() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        taking = asyncio.ensure_future(latest.take(8, 0.0))
        await asyncio.sleep(0)
        await asyncio.to_thread(latest.put, prefiltered("a", 0))
        assert keys(await taking) == ["a0"]

    run(scenario())


def test_frames_of_several_feeds_that_come_together_are_taken_together() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        latest.open("b")
        taking = asyncio.ensure_future(latest.take(8, 0.2))
        await let_others_run()
        latest.put(prefiltered("a", 0))
        await let_others_run()
        latest.put(prefiltered("b", 0))
        assert keys(await taking) == ["a0", "b0"]

    run(scenario())


def test_what_waits_already_is_taken_at_once() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        latest.open("b")
        latest.put(prefiltered("a", 0))
        # An hour's patience would never end; it is for those who wait for the first frame.
        async with asyncio.timeout(5):
            assert keys(await latest.take(8, 3600.0)) == ["a0"]

    run(scenario())


def test_shutting_the_only_lane_that_holds_frames_does_not_end_the_stream() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        latest.open("b")
        taking = asyncio.ensure_future(latest.take(8, 0.05))
        await asyncio.sleep(0)
        latest.put(prefiltered("a", 0))
        await let_others_run()
        latest.shut("a")
        await never(taking.done, within=0.1, what="the stream has ended")
        latest.put(prefiltered("a", 1))
        latest.put(prefiltered("b", 7))
        assert keys(await taking) == ["b7"]

    run(scenario())


def test_a_reader_that_is_held_up_in_its_lane_holds_up_no_other() -> None:
    class Heavy(Picture):
        """Takes as long to release as the test wants."""

        begun, done = threading.Event(), threading.Event()

        def drop(self) -> None:
            self.begun.set()
            self.done.wait()

    async def scenario() -> None:
        latest = LatestFrames(depth=1)
        for feed in "ab":
            latest.open(feed)
        seen = prefiltered("a", 0)
        latest.put(replace(seen, frame=replace(seen.frame, picture=Heavy(None))))
        held_up = asyncio.ensure_future(asyncio.to_thread(latest.put, prefiltered("a", 1)))
        await asyncio.to_thread(Heavy.begun.wait)
        async with asyncio.timeout(20):
            await asyncio.to_thread(latest.put, prefiltered("b", 0))
        Heavy.done.set()
        await held_up
        assert keys(await latest.take(8, 0.0)) == ["a1", "b0"]

    run(scenario())


def test_at_the_end_the_rest_is_taken_and_then_nothing() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        latest.open("a")
        latest.put(prefiltered("a", 0))
        latest.end()
        assert keys(await latest.take(8, 0.0)) == ["a0"]
        assert await latest.take(8, 0.0) == []

    run(scenario())


def test_the_end_wakes_a_taker_that_sleeps() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=4)
        taking = asyncio.ensure_future(latest.take(8, 0.0))
        await asyncio.sleep(0)
        latest.end()
        await until(taking.done)
        assert taking.result() == []

    run(scenario())


def test_there_is_room_until_another_frame_would_give_way() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=2)
        latest.open("a")
        latest.open("b")
        assert latest.await_empty("a", 0)
        for index in range(2):
            assert latest.await_room("a", 0)
            latest.put(prefiltered("a", index))
        assert not latest.await_room("a", 0)
        assert not latest.await_empty("a", 0)
        assert latest.await_room("b", 0)
        waiting = asyncio.to_thread(latest.await_room, "a", 10)
        taken, has_room = await asyncio.gather(latest.take(1, 0.0), waiting)
        assert keys(taken) == ["a0"]
        assert has_room
        latest.shut("a")
        assert latest.await_room("a", 0)
        assert latest.dropped() == {}

    run(scenario())


def test_what_is_refused_takes_room_too() -> None:
    async def scenario() -> None:
        latest = LatestFrames(depth=2)
        latest.open("a")
        for index in range(8):
            assert latest.await_room("a", 0)
            latest.put(prefiltered("a", index, refused=True))
        assert not latest.await_room("a", 0)
        assert latest.dropped() == {}

    run(scenario())


async def let_others_run() -> None:
    """Return once all that is ready on the loop has run, and what came of that."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_frames_of_a_file_wait_for_the_sinks_and_those_of_a_camera_do_not() -> None:
    async def scenario() -> None:
        behind = threading.Event()
        latest = LatestFrames(4, behind.is_set)
        latest.open("camera")
        latest.open("file")
        latest.put(prefiltered("camera", 0))
        latest.put(prefiltered("file", 0), may_wait=True)
        behind.set()
        assert keys(await latest.take(32, 0.0)) == ["camera0"]
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(latest.take(32, 0.0))
            latest.put(prefiltered("camera", 1))
            assert keys(await taking) == ["camera1"]
            taking = tasks.create_task(latest.take(32, 0.0))
            await asyncio.sleep(0)
            assert not taking.done()
            behind.clear()
            assert keys(await taking) == ["file0"]

    run(scenario())


def test_the_end_takes_frames_of_a_file_even_if_the_sinks_are_behind() -> None:
    async def scenario() -> None:
        latest = LatestFrames(4, lambda: True)
        latest.open("file")
        latest.put(prefiltered("file", 0), may_wait=True)
        latest.end()
        assert keys(await latest.take(32, 0.0)) == ["file0"]
        assert await latest.take(32, 0.0) == []

    run(scenario())
