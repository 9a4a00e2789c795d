"""Workers: results and failures come back, order stays, a call that hangs is left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from streamsel.runtime.worker import Worker
from tests.polling import until


def test_calls_run_in_order_in_a_thread_of_the_given_name() -> None:
    async def scenario() -> list[tuple[str, int]]:
        async with Worker("streamsel-x") as worker:
            calls = [
                worker.run(lambda n: (threading.current_thread().name, n), number)
                for number in range(20)
            ]
            return list(await asyncio.gather(*calls))

    assert asyncio.run(scenario()) == [("streamsel-x", number) for number in range(20)]
    assert not [t for t in threading.enumerate() if t.name == "streamsel-x"]


def test_a_failure_is_raised_to_the_caller_and_the_next_call_runs() -> None:
    async def scenario() -> None:
        async with Worker("streamsel-x") as worker:
            with pytest.raises(ZeroDivisionError):
                await worker.run(lambda: 1 / 0)
            assert await worker.run(lambda: 1) == 1

    asyncio.run(scenario())


def test_leaving_waits_for_a_call_whose_caller_was_cancelled() -> None:
    async def scenario() -> None:
        began, release = threading.Event(), threading.Event()
        done: list[bool] = []

        def call() -> None:
            began.set()
            release.wait()
            done.append(True)

        async with Worker("streamsel-x") as worker:
            calling = asyncio.ensure_future(worker.run(call))
            await asyncio.to_thread(began.wait)
            calling.cancel()
            asyncio.get_running_loop().call_later(0.05, release.set)
        assert done == [True]

    asyncio.run(scenario())


def test_a_worker_that_hangs_is_left_and_takes_no_more_calls() -> None:
    async def scenario() -> None:
        release = threading.Event()
        worker = Worker("streamsel-x")
        hanging = asyncio.ensure_future(worker.run(release.wait))
        await asyncio.sleep(0)
        assert not await worker.leave(0.02)
        with pytest.raises(RuntimeError, match="streamsel-x"):
            await worker.run(lambda: 1)
        release.set()
        assert await worker.leave(5.0)
        assert await hanging

    asyncio.run(scenario())


def test_a_call_that_comes_back_after_the_loop_has_gone_harms_nobody() -> None:
    release = threading.Event()

    async def scenario() -> None:
        worker = Worker("streamsel-late")
        hanging = asyncio.ensure_future(worker.run(release.wait))
        await asyncio.sleep(0)
        assert not await worker.leave(0.02)
        hanging.cancel()

    asyncio.run(scenario())
    thread = next(t for t in threading.enumerate() if t.name == "streamsel-late")
    release.set()
    thread.join(5.0)
    assert not thread.is_alive()


def test_a_thread_that_waits_holds_on_to_nothing() -> None:
    class Frames:
        pass

    async def scenario() -> None:
        async with Worker("streamsel-x") as worker:
            given, got = Frames(), await worker.run(Frames)
            await worker.run(lambda frames: None, given)
            refs = [weakref.ref(given), weakref.ref(got)]
            del given, got
            gc.collect()
            await until(lambda: all(ref() is None for ref in refs))

    asyncio.run(scenario())
