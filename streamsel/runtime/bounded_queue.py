"""A bounded queue from reading threads to the event loop, for file runs.

A queue of futures costs a loop wake-up per item (some 40 microseconds, more under load). Here a
reader appends to a deque under a lock and wakes the loop only if it sleeps; the loop takes all
waiting items, so the cost is paid once per batch.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from streamsel.errors import StreamselError
from streamsel.wakeup import Wakeup

T = TypeVar("T")


class InboxClosedError(Exception):
    """The consumer has closed the queue; the producer should stop."""


class Inbox(Generic[T]):
    """A bounded queue from threads to one task; producers wait while it is full.

    A sleeping consumer is woken when ``wake_at`` items wait, or at the end. A wake-up costs a
    system call, so file runs wait for a handful; 1 gives the lowest latency. Create it inside the
    running event loop that consumes it.
    """

    def __init__(self, capacity: int, *, wake_at: int = 1) -> None:
        if not 1 <= wake_at <= capacity:
            raise ValueError(f"wake_at is {wake_at}; it must be in 1..{capacity}, the capacity")
        self._capacity = capacity
        self._wake_at = wake_at
        self._items: deque[T] = deque()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._room = threading.Condition()
        self._arrived = asyncio.Event()
        self._wakeup = Wakeup(self._arrived)

    def put(self, item: T) -> None:
        """Append an item, waiting for room. Called from a producer's thread.

        Raises :class:`InboxClosedError` once the consumer has closed the queue.
        """
        with self._room:
            while len(self._items) >= self._capacity and not self._closed:
                self._room.wait()
            if self._closed:
                raise InboxClosedError
            self._items.append(item)
            due = len(self._items) == self._wake_at
        if due:
            self._wakeup.ring()

    def fill(self, items: Iterable[T]) -> None:
        """Append all items, and end the stream with them, or with the error that ends them."""
        try:
            for item in items:
                self.put(item)
        except InboxClosedError:
            return
        except StreamselError as error:
            self.end(error)
        else:
            self.end()

    def end(self, error: BaseException | None = None) -> None:
        """End the stream; ``error`` is raised to the consumer after the remaining items."""
        with self._room:
            self._ended = True
            self._error = error
        self._wakeup.ring()

    def close(self) -> None:
        """Reject further items and discard waiting ones. Called by the consumer, at any time."""
        with self._room:
            self._closed = self._ended = True
            self._items.clear()
            self._room.notify_all()
        self._wakeup.ring()

    async def take(self, most: int) -> list[T]:
        """Take between one and ``most`` items, waiting for the first.

        Returns an empty list only at the end of the stream. Raises the error of the producer.
        """
        while True:
            with self._room:
                count = min(most, len(self._items))
                taken = [self._items.popleft() for _ in range(count)]
                if taken:
                    self._room.notify_all()
                    return taken
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    return []
                self._arrived.clear()
            await self._arrived.wait()
