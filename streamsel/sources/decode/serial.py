"""The serial executor: processes items lazily in the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from streamsel.interfaces.concurrency import Item, Result


class InOrder:
    """Processes items lazily in the calling thread."""

    workers = 1
    room_bytes = 0

    def run(
        self,
        work: Callable[[int, Item], Iterator[Result]],
        items: Iterator[Item],
        weigh: Callable[[Result], int],
    ) -> Generator[Result, None, None]:
        """See ``streamsel.interfaces.concurrency.OrderedMap``."""
        try:
            for item in items:
                yield from work(0, item)
        finally:
            if isinstance(items, Generator):
                items.close()
