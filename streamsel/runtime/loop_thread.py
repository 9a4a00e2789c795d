"""A second event loop in its own thread, for receiving media without delaying the server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_LOG = logging.getLogger("streamsel.loop")
_LEAVING_SECONDS = 2.0


class SideLoop:
    """See ``streamsel.interfaces.concurrency.Loop``. Its thread starts with the first call."""

    def __init__(self, name: str) -> None:
        """``name`` is the name of its thread."""
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and block until it is done."""
        return self._submit(work).result()

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and await it in another; cancelled with its caller."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """Cancel running coroutines and end the thread; no further calls are accepted."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LEAVING_SECONDS)

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        with self._lock:
            if self._is_closed:
                work.close()
                raise RuntimeError("this loop is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(_note)
                self._thread = threading.Thread(
                    target=self._serve, args=(self._loop,), name=self._name, daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        # Cancelled tasks may start further tasks for their clean-up.
        while left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log errors of tasks that nobody awaits, such as connections."""
    error = context.get("exception")
    _LOG.debug("%s", context.get("message"), exc_info=error)
