"""A task that waits is woken from another thread."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path

import streamsel
from streamsel.wakeup import Wakeup, await_set

PACKAGE = Path(streamsel.__file__).parent


def test_the_one_who_listens_is_woken_from_another_thread() -> None:
    async def listen() -> None:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.listen(event)
        for _ in range(2):
            await asyncio.to_thread(wakeup.ring)
            assert await await_set(event, 10)
            event.clear()

    asyncio.run(listen())


def test_nobody_is_woken_before_and_after() -> None:
    async def listen() -> Wakeup:
        wakeup, event = Wakeup(), asyncio.Event()
        wakeup.ring()
        wakeup.listen(event)
        wakeup.ignore()
        await asyncio.to_thread(wakeup.ring)
        await asyncio.sleep(0)
        assert not event.is_set()
        return wakeup

    asyncio.run(listen()).ring()


def test_a_thread_may_outlive_the_loop_that_listened() -> None:
    async def listen() -> Wakeup:
        return Wakeup(asyncio.Event())

    asyncio.run(listen()).ring()


def test_an_event_is_awaited_for_a_time_or_for_ever() -> None:
    async def wait() -> None:
        event = asyncio.Event()
        assert not await await_set(event, 0.0)
        asyncio.get_running_loop().call_soon(event.set)
        assert await await_set(event, None)
        assert await await_set(event, 0.0)

    asyncio.run(wait())


def modules_with(is_found: Callable[[ast.AST], bool]) -> set[str]:
    return {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if is_found(node)
    }


def test_nothing_else_wakes_a_task_from_a_thread_or_after_a_time() -> None:
    def wakes(node: ast.AST) -> bool:
        is_call = isinstance(node, ast.Call) and bool(node.args)
        called = ast.unparse(node) if is_call else ""
        return "call_soon_threadsafe(" in called and called.endswith(".set)")

    def waits(node: ast.AST) -> bool:
        if not isinstance(node, ast.AsyncWith) or len(node.body) != 1:
            return False
        is_limited = any("asyncio.timeout(" in ast.unparse(item) for item in node.items)
        return is_limited and ast.unparse(node.body[0]).endswith(".wait()")

    assert modules_with(wakes) == modules_with(waits) == {"wakeup.py"}
