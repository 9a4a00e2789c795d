"""Seams of concurrency: work in threads and on event loops, run by ``streamsel.runtime``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class OrderedMap(Protocol):
    """Processes the items of a stream ahead of the reader, several in parallel."""

    @property
    def workers(self) -> int:
        """Number of items processed in parallel, each in its own thread."""

    @property
    def room_bytes(self) -> int:
        """Minimum size, in bytes, of the buffer for the results of one item."""

    def run(
        self,
        work: Callable[[int, Item], Iterator[Result]],
        items: Iterator[Item],
        weigh: Callable[[Result], int],
    ) -> Generator[Result, None, None]:
        """Yield the results of ``work`` for each item, in the order of the items.

        ``work`` receives the number of its worker, from 0 up, and an item; calls with the same
        number never overlap. ``items`` are read by one thread at a time. ``weigh`` returns how many
        bytes a result keeps alive. Exceptions of ``work`` and ``items`` are raised at their place
        in the order. Closing the generator stops all work and waits for it.
        """


class Loop(Protocol):
    """An event loop in its own thread. Safe from any thread."""

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and block until it is done."""

    async def ask(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and await it from another loop."""

    def close(self) -> None:
        """Cancel all coroutines on the loop and end its thread; no further calls are accepted.

        A second call does nothing.
        """
