"""The handover between threads and the loop: order, bound, end, failure."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator

import pytest

from streamsel.errors import SourceError
from streamsel.runtime.bounded_queue import Inbox, InboxClosedError


async def drain(inbox: Inbox[int], most: int) -> list[list[int]]:
    taken = []
    while batch := await inbox.take(most):
        taken.append(batch)
    return taken


@pytest.mark.parametrize("wake_at", [1, 5, 16])
def test_everything_arrives_in_order_and_in_bounded_batches(wake_at: int) -> None:
    async def scenario() -> list[list[int]]:
        inbox: Inbox[int] = Inbox(capacity=16, wake_at=wake_at)

        def produce() -> None:
            for number in range(10_000):
                inbox.put(number)
            inbox.end()

        producer = asyncio.to_thread(produce)
        batches, _ = await asyncio.gather(drain(inbox, 7), producer)
        return batches

    batches = asyncio.run(scenario())
    assert [number for batch in batches for number in batch] == list(range(10_000))
    assert max(map(len, batches)) <= 7


def test_a_full_inbox_holds_its_producer_up() -> None:
    async def scenario() -> None:
        inbox: Inbox[int] = Inbox(capacity=4)
        produced: list[int] = []
        filled = threading.Event()

        def produce() -> None:
            for number in range(10):
                if number == 4:
                    filled.set()
                inbox.put(number)
                produced.append(number)
            inbox.end()

        producer = asyncio.ensure_future(asyncio.to_thread(produce))
        await asyncio.to_thread(filled.wait)
        assert produced == [0, 1, 2, 3]
        await drain(inbox, 1)
        await producer
        assert produced == list(range(10))

    asyncio.run(scenario())


def test_a_failure_comes_after_what_was_put_before_it() -> None:
    async def scenario() -> None:
        inbox: Inbox[int] = Inbox(capacity=4)
        inbox.put(1)
        inbox.end(SourceError("lost"))
        assert await inbox.take(9) == [1]
        with pytest.raises(SourceError, match="lost"):
            await inbox.take(9)

    asyncio.run(scenario())


def test_items_are_followed_by_the_end_or_by_what_ended_them() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise SourceError("lost")

    async def scenario() -> None:
        inbox: Inbox[int] = Inbox(capacity=4)
        await asyncio.to_thread(inbox.fill, [1, 2, 3])
        assert await drain(inbox, 4) == [[1, 2, 3]]
        lost: Inbox[int] = Inbox(capacity=4)
        await asyncio.to_thread(lost.fill, failing())
        assert await lost.take(4) == [1]
        with pytest.raises(SourceError, match="lost"):
            await lost.take(4)
        closed: Inbox[int] = Inbox(capacity=1)
        closed.close()
        await asyncio.to_thread(closed.fill, itertools.count())

    asyncio.run(scenario())


def test_closing_frees_a_waiting_producer_and_a_waiting_consumer() -> None:
    async def scenario() -> None:
        inbox: Inbox[int] = Inbox(capacity=1)
        inbox.put(1)
        blocked = asyncio.ensure_future(asyncio.to_thread(inbox.put, 2))
        inbox.close()
        with pytest.raises(InboxClosedError):
            await blocked
        assert await inbox.take(9) == []

    asyncio.run(scenario())


def test_a_sleeping_consumer_is_woken_for_a_handful_or_at_the_end() -> None:
    async def scenario() -> None:
        inbox: Inbox[int] = Inbox(capacity=8, wake_at=3)
        waiting = asyncio.ensure_future(inbox.take(8))
        await asyncio.sleep(0)
        inbox.put(1)
        inbox.put(2)
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.put(3)
        assert await waiting == [1, 2, 3]
        inbox.put(4)
        inbox.end()
        assert await inbox.take(8) == [4]
        assert await inbox.take(8) == []

    asyncio.run(scenario())
