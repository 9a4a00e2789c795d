"""One named thread that runs blocking calls for the loop, one after another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from streamsel.runtime.failure import Captured

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """A thread of its own for one stage of the line: whatever it owns is touched by it alone.

    Use as an async context manager; leaving it waits for the running call. A worker that may hang
    is dismissed instead: nobody waits for it then, not even the interpreter's end.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call in the thread and return its result.

        When the caller is cancelled the call still runs to its end before the worker is left:
        a half-written file or transaction is never abandoned.
        """
        done: asyncio.Future[R] = self._loop.create_future()
        self._calls.put((done, lambda: call(*args, **kwargs)))
        return await done

    def dismiss(self) -> None:
        """Let the thread leave after what it was given; does not wait for it."""
        self._calls.put(None)

    @property
    def has_left(self) -> bool:
        """Whether the thread is gone."""
        return not self._thread.is_alive()

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.dismiss()
        await self._loop.run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            done, call = given
            result = None
            with Captured() as captured:
                result = call()
            self._settle(done, result, captured.error)

    def _settle(self, done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        def settle() -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        # The loop may be gone by the time that a call which hung comes back.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle)
