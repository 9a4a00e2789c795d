"""Turns: limits how many threads compute at the same time."""

from __future__ import annotations

import threading
from collections import deque

from streamsel.clock import Clock

_LOOK_SECONDS = 1.0
_HANGS_AFTER = 10.0


class Turns:
    """Lets at most ``at_once`` threads compute at a time; a context manager for any thread.

    Threads that compute compete for the interpreter: each call into a library releases it, and the
    kernel wakes another thread. With hundreds of threads this takes most of the time. Threads that
    wait here sleep until their turn; turns are given in the order of requests. A thread that has a
    turn must not wait for input or output, and must not request another turn.

    After 10 s a turn is passed on to another thread, because its thread probably hangs.
    """

    def __init__(self, at_once: int, clock: Clock) -> None:
        self._clock = clock
        self._free = at_once
        self._waiting: deque[threading.Lock] = deque()
        self._since: dict[int, float] = {}
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """The number of threads that wait for their turn."""
        return len(self._waiting)

    def __enter__(self) -> None:
        if (gate := self._ask()) is not None:
            while not gate.acquire(timeout=_LOOK_SECONDS):
                self._take_from_hanging()
        self._since[threading.get_ident()] = self._clock.monotonic()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._end(threading.get_ident())

    def _ask(self) -> threading.Lock | None:
        """Take a free turn, or return a lock that is released at the next one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
            return gate

    def _end(self, thread: int) -> None:
        """Pass a turn on to the next thread, unless that was done already."""
        if self._since.pop(thread, None) is None:
            return
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._free += 1

    def _take_from_hanging(self) -> None:
        overdue = self._clock.monotonic() - _HANGS_AFTER
        with self._lock:
            for thread, since in tuple(self._since.items()):
                if since < overdue:
                    self._end(thread)
