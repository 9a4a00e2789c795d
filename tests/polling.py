"""The one place where tests sleep: they ask until something has happened, or that nothing does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""Far more than anything that is waited for takes, on a machine that does much else."""

_LONGEST_PAUSE_SECONDS = 0.05


def attempts(within: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Yield at once, and again after pauses that grow, until so many seconds are over."""
    deadline, pause = time.monotonic() + within, 0.001
    while True:
        yield
        if time.monotonic() >= deadline:
            return
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def attempts_on_loop(within: float = PATIENCE_SECONDS) -> AsyncIterator[None]:
    """The same on the event loop, which goes on in the pauses."""
    deadline, pause = time.monotonic() + within, 0.001
    while True:
        yield
        if time.monotonic() >= deadline:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def eventually(
    ask: Callable[[], T | None],
    *,
    within: float = PATIENCE_SECONDS,
    what: str = "what was waited for",
) -> T:
    """Ask until the answer is neither None nor False; fail with ``what`` after ``within`` s."""
    for _ in attempts(within):
        answer = ask()
        if answer is not None and answer is not False:
            return answer
    raise AssertionError(f"not within {within:g} s: {what}")


async def until(
    holds: Callable[[], object],
    what: str = "what was waited for",
    *,
    within: float = PATIENCE_SECONDS,
) -> None:
    """Wait on the event loop until a condition holds; fail with ``what`` after ``within`` s."""
    async for _ in attempts_on_loop(within):
        if holds():
            return
    raise AssertionError(f"not within {within:g} s: {what}")


async def never(happens: Callable[[], object], *, within: float, what: str) -> None:
    """Fail with ``what`` as soon as something happens that must not, for so many seconds."""
    async for _ in attempts_on_loop(within):
        assert not happens(), what
