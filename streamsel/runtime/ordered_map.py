"""Maps a function over a stream in parallel threads; results come in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic

from streamsel.interfaces.concurrency import Item, Result
from streamsel.runtime.failure import Captured

ROOM_BYTES = 192 << 20
_AT_ONCE = 8
_END = object()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ThreadedMap:
    """Processes items ahead in ``workers`` threads, which live as long as the stream.

    Results are buffered up to ``room_bytes`` for each worker but one; beyond that, only one result
    of the item that is due.
    """

    def __init__(self, workers: int, room_bytes: int = ROOM_BYTES) -> None:
        self.workers = workers
        self.room_bytes = room_bytes

    def run(
        self,
        work: Callable[[int, Item], Iterator[Result]],
        items: Iterator[Item],
        weigh: Callable[[Result], int],
    ) -> Generator[Result, None, None]:
        """See ``streamsel.interfaces.concurrency.OrderedMap``."""
        crew = _Workers(work, items, weigh, self.room_bytes * (self.workers - 1))
        threads = [
            threading.Thread(target=crew.serve, args=(slot,), name=f"streamsel-ahead-{slot}")
            for slot in range(self.workers)
        ]
        try:
            for thread in threads:
                thread.start()
            yield from crew.results()
        finally:
            crew.dismiss()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            _close(items)


@dataclass(slots=True)
class _Slot(Generic[Result]):
    """The buffered results of one item, with their weight."""

    waiting: deque[tuple[Result, int]] = field(default_factory=deque)
    is_done: bool = False
    error: BaseException | None = None


class _DismissedError(Exception):
    """The reader has stopped."""


class _Workers(Generic[Item, Result]):
    """The workers of one run, and a result buffer per item, in order."""

    def __init__(
        self,
        work: Callable[[int, Item], Iterator[Result]],
        items: Iterator[Item],
        weigh: Callable[[Result], int],
        room_bytes: int,
    ) -> None:
        self._work = work
        self._items = items
        self._weigh = weigh
        self._room_bytes = room_bytes
        self._drawing = threading.Lock()
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._shelves: deque[_Slot[Result]] = deque()
        self._waiting_bytes = 0
        self._is_drained = False
        self._is_dismissed = False

    def serve(self, slot: int) -> None:
        """Process one item after another until there are no more."""
        while (drawn := self._draw()) is not None:
            item, shelf = drawn
            with Captured() as captured:
                for result in self._work(slot, item):
                    self._put(shelf, result)
                    del result
            with self._lock:
                shelf.is_done = True
                dismissed = isinstance(captured.error, _DismissedError)
                shelf.error = None if dismissed else captured.error
                self._arrived.notify()
            del drawn, item, shelf

    def results(self) -> Iterator[Result]:
        """Yield the results of the first item as they arrive, then those of the next."""
        while True:
            with self._lock:
                while not self._has_arrived():
                    self._arrived.wait()
                if not self._shelves:
                    return
                shelf = self._shelves[0]
                ready = deque(
                    shelf.waiting.popleft() for _ in range(min(_AT_ONCE, len(shelf.waiting)))
                )
                self._waiting_bytes -= sum(weight for _, weight in ready)
                error = shelf.error
                is_over = shelf.is_done and not shelf.waiting
                if is_over:
                    self._shelves.popleft()
                self._room.notify_all()
            while ready:
                yield ready.popleft()[0]
            if is_over and error is not None:
                raise error

    def dismiss(self) -> None:
        """Stop every worker at its next result."""
        with self._lock:
            self._is_dismissed = True
            self._room.notify_all()

    def _has_arrived(self) -> bool:
        if not self._shelves:
            return self._is_drained
        return bool(self._shelves[0].waiting) or self._shelves[0].is_done

    def _draw(self) -> tuple[Item, _Slot[Result]] | None:
        with self._drawing:
            if self._is_dismissed or self._is_drained:
                return None
            shelf: _Slot[Result] = _Slot()
            item: Any = _END
            with Captured() as captured:
                item = next(self._items, _END)
            with self._lock:
                if captured.error is not None:
                    shelf.is_done, shelf.error = True, captured.error
                    self._shelves.append(shelf)
                elif item is not _END:
                    self._shelves.append(shelf)
                self._is_drained = item is _END
                self._arrived.notify()
            return None if item is _END else (item, shelf)

    def _put(self, shelf: _Slot[Result], result: Result) -> None:
        weight = self._weigh(result)
        with self._lock:
            while not self._is_dismissed and not self._may_wait(shelf, weight):
                self._room.wait()
            if self._is_dismissed:
                raise _DismissedError
            shelf.waiting.append((result, weight))
            self._waiting_bytes += weight
            if shelf is self._shelves[0]:
                self._arrived.notify()

    def _may_wait(self, shelf: _Slot[Result], weight: int) -> bool:
        has_room = self._waiting_bytes + weight <= self._room_bytes
        return has_room or (shelf is self._shelves[0] and not shelf.waiting)


def _close(items: Iterator[Any]) -> None:
    if isinstance(items, Generator):
        items.close()
