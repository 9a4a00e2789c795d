"""A task that waits is woken from another thread."""

from __future__ import annotations

import asyncio
import threading

from streamsel.wakeup import Wakeup


def ring(wakeup: Wakeup) -> None:
    thread = threading.Thread(target=wakeup.ring)
    thread.start()
    thread.join()


def test_the_one_who_listens_is_woken_from_another_thread() -> None:
    async def listen() -> None:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.listen(event)
        for _ in range(2):
            ring(wakeup)
            async with asyncio.timeout(10):
                await event.wait()
            event.clear()

    asyncio.run(listen())


def test_nobody_is_woken_before_and_after() -> None:
    async def listen() -> None:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.ring()
        wakeup.listen(event)
        wakeup.ignore()
        ring(wakeup)
        await asyncio.sleep(0)
        assert not event.is_set()
        # The loop that listened may be closed by now.
        return wakeup

    ring(asyncio.run(listen()))
