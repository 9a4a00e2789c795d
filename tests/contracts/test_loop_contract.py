"""What every event loop of its own thread does: it runs what it is asked to, until it is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from streamsel.interfaces.concurrency import Loop
from streamsel.runtime.loop_thread import SideLoop
from tests.contracts.implementations import implementations

LOOPS: dict[str, Callable[[], Loop]] = {"SideLoop": lambda: SideLoop("contract")}


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    threads = threading.active_count()
    made = LOOPS[request.param]()
    yield made
    made.close()
    assert threading.active_count() == threads


async def thread() -> str:
    return threading.current_thread().name


async def failing() -> None:
    raise ValueError("made up")


def test_every_loop_is_here() -> None:
    assert implementations(Loop) == LOOPS.keys()


def test_calls_run_in_one_thread_and_raise_what_they_raise(loop: Loop) -> None:
    names = {loop.call(thread()) for _ in range(5)}
    assert names | {asyncio.run(loop.ask(thread()))} == names
    assert threading.current_thread().name not in names
    for ask in (loop.call, lambda work: asyncio.run(loop.ask(work))):
        with pytest.raises(ValueError, match="made up"):
            ask(failing())


def test_what_runs_is_cancelled_at_the_end_and_nothing_more_is_taken(loop: Loop) -> None:
    cancelled = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def start() -> asyncio.Task[None]:
        return asyncio.ensure_future(endless())

    running = loop.call(start())
    loop.close()
    assert cancelled.is_set()
    assert running.cancelled()
    with pytest.raises(RuntimeError):
        loop.call(thread())
    loop.close()
