"""A task that waits is woken from another thread."""

from __future__ import annotations

import asyncio

from streamsel.wakeup import Wakeup


def test_the_one_who_listens_is_woken_from_another_thread() -> None:
    async def listen() -> None:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.listen(event)
        for _ in range(2):
            await asyncio.to_thread(wakeup.ring)
            async with asyncio.timeout(10):
                await event.wait()
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

    asyncio.run(listen()).ring()  # the loop that listened is closed by now
