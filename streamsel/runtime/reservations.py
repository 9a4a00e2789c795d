"""Reserves frame numbers in the record ahead of their use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from streamsel.errors import SinkError
from streamsel.interfaces.observers import LiveObserver
from streamsel.runtime.delivery import Delivery
from streamsel.runtime.feed_reader import FeedReader
from streamsel.runtime.supervisor import FeedSupervisor
from streamsel.wakeup import await_set

_LOOK_SECONDS = 1.0


class Reservations:
    """Reserves frame numbers for every feed in advance, so that no reader waits for them.

    ``reserve`` records durably that all numbers of a feed below a limit may be used; it is called
    in the thread of ``first``, the sink that keeps the record. Each call adds ``step`` numbers.
    """

    def __init__(
        self,
        supervisor: FeedSupervisor,
        first: Delivery,
        reserve: Callable[[str, int], None],
        step: int,
        observers: Sequence[LiveObserver],
    ) -> None:
        self._supervisor = supervisor
        self._first = first
        self._reserve = reserve
        self._step = step
        self._observers = observers
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """Check soon whether there are enough, because a feed was added."""
        self._wanted.set()

    async def keep(self) -> None:
        """Reserve numbers well before they are used up, for ever; retry failures."""
        while True:
            self._wanted.clear()
            for feed, reader in self._supervisor.readers.items():
                if reader.reserved - reader.next_index <= self._step // 2:
                    await self._add(feed, reader)
            await await_set(self._wanted, _LOOK_SECONDS)

    async def _add(self, feed: str, reader: FeedReader) -> None:
        upto = reader.next_index + self._step
        try:
            await self._first.run(partial(self._reserve, feed, upto))
        except SinkError as error:
            for observer in self._observers:
                observer.sink_failed(self._first.sink.name, type(error).__name__)
        else:
            reader.reserved = upto
