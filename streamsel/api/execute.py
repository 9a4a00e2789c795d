"""Running a pipeline to its end from a program that has no event loop of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from streamsel.errors import RecordError, SinkError
from streamsel.interfaces import Sink
from streamsel.runtime.pipeline import Pipeline


def execute(pipeline: Pipeline, sinks: Sequence[Sink] = ()) -> bool:
    """Run to the end. Returns False when the run was interrupted (SIGINT, SIGTERM).

    Whatever happens, the sinks are closed: what was decided is stored. Must not be called from a
    running event loop.
    """
    try:
        return asyncio.run(_until_stopped(pipeline))
    except BaseException:
        for sink in sinks:
            # The first failure is the one to report; closing on a full disk may well fail again.
            with suppress(SinkError, RecordError):
                sink.close(False)
        raise


async def _until_stopped(pipeline: Pipeline) -> bool:
    with _signals(pipeline):
        return await pipeline.run()


@contextmanager
def _signals(pipeline: Pipeline) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run in good order, where this thread may."""
    loop = asyncio.get_running_loop()
    caught = []
    # Only the main thread may set handlers; elsewhere the caller decides when to stop.
    with suppress(ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, pipeline.stop)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
