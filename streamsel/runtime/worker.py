"""A named thread that runs blocking calls for the event loop, one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from streamsel.runtime.failure import Captured
from streamsel.wakeup import await_set

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """A thread for one stage of the pipeline: objects of the stage are used only there.

    An async context manager; leaving it waits for the running call. For a worker that may hang call
    :meth:`leave` instead: nothing waits for it then, not even the interpreter's exit. Once
    ``is_dismissed`` it accepts no more calls.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        self.is_dismissed = False
        self._gone = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call in the thread and return its result.

        If the caller is cancelled, the call still runs to its end, so a file or transaction is not
        left half written, unless :meth:`leave` times out. Raises RuntimeError after
        :meth:`leave`.
        """
        if self.is_dismissed:
            raise RuntimeError(f"{self._thread.name}: called after leave()")
        done: asyncio.Future[R] = self._loop.create_future()
        self._calls.put((done, lambda: call(*args, **kwargs)))
        return await done

    async def leave(self, within: float) -> bool:
        """End the thread after its queued calls; return False if it does not within the timeout."""
        self._dismiss()
        return await await_set(self._gone, within)

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._dismiss()
        await self._loop.run_in_executor(None, self._thread.join)

    def _dismiss(self) -> None:
        if not self.is_dismissed:
            self.is_dismissed = True
            self._calls.put(None)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            done, call = given
            result = None
            with Captured() as captured:
                result = call()
            self._call_on_loop(partial(_settle, done, result, captured.error))
            # A waiting thread must not hold references to its last frames.
            del given, done, call, result, captured
        self._call_on_loop(self._gone.set)

    def _call_on_loop(self, call: Callable[[], None]) -> None:
        # The loop may be closed when a hung call returns.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
