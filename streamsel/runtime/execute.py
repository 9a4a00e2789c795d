"""Runs a pipeline to its end from synchronous code."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from streamsel.errors import RecordError, SinkError
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.file_run import Pipeline

_SWITCH_SECONDS = 0.0005


def execute(pipeline: Pipeline, sinks: Sequence[Sink] = ()) -> bool:
    """Run a pipeline to its end. Returns False if it was interrupted (SIGINT, SIGTERM).

    The sinks are closed in any case, so decisions are stored. If an event loop is already running,
    as in a notebook, the pipeline runs in another thread with its own loop while this call waits;
    a :class:`KeyboardInterrupt` of the waiting thread interrupts it too.
    """
    try:
        with _quick_switches():
            if _loop_is_running():
                return _run_beside(pipeline)
            return asyncio.run(_until_stopped(pipeline))
    except BaseException:
        for sink in sinks:
            # The first failure is reported; closing on a full disk may fail again.
            with suppress(SinkError, RecordError):
                sink.close()
        raise


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Shorten the interpreter's switch interval, and restore it at the end.

    A decoding thread needs the interpreter for microseconds per picture, and by default waits 5 ms
    for it while another thread computes, which leaves a core idle.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_beside(pipeline: Pipeline) -> bool:
    with ThreadPoolExecutor(thread_name_prefix="streamsel-run") as pool:
        run = pool.submit(asyncio.run, pipeline.run())
        try:
            return run.result()
        except KeyboardInterrupt:
            # Waiting for the thread would otherwise outlast the whole run.
            pipeline.stop()
            return run.result()


async def _until_stopped(pipeline: Pipeline) -> bool:
    with _signals(pipeline):
        return await pipeline.run()


@contextmanager
def _signals(pipeline: Pipeline) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop the run in good order; restore the handlers at the end."""
    loop = asyncio.get_running_loop()
    before = {}
    # Only the main thread may set handlers; elsewhere the caller decides when to stop.
    with suppress(ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            found = signal.getsignal(number)
            loop.add_signal_handler(number, pipeline.stop)
            before[number] = found
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
