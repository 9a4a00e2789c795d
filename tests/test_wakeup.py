"""A task that waits is woken from another thread."""

from __future__ import annotations

import asyncio

from streamsel.wakeup import Wakeup, await_set


def test_the_one_who_listens_is_woken_from_another_thread() -> None:
    async def listen() -> None:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.listen(event)
        for _ in range(2):
            await asyncio.to_thread(wakeup.ring)
            assert await await_set(event, 10)
            event.clear()

    asyncio.run(listen())


def test_nobody_is_woken_before_and_after() -> None:
    async def listen() -> Wakeup:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.ring()
        wakeup.listen(event)
        wakeup.ignore()
        await asyncio.to_thread(wakeup.ring)
        await asyncio.sleep(0)
        assert not event.is_set()
        return wakeup

    asyncio.run(listen()).ring()


def test_a_thread_may_outlive_the_loop_that_listened() -> None:
    async def listen() -> Wakeup:
        return Wakeup(asyncio.Event())

    asyncio.run(listen()).ring()


def test_an_event_is_awaited_for_a_time_or_for_ever() -> None:
    async def wait() -> None:
        event = asyncio.Event()
        assert not await await_set(event, 0.0)
        asyncio.get_running_loop().call_soon(event.set)
        assert await await_set(event, None)
        assert await await_set(event, 0.0)

    asyncio.run(wait())
