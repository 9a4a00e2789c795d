"""Waits for tasks to end, with a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence


async def ended(tasks: Sequence[asyncio.Task[None]], within: float) -> bool:
    """Wait for tasks to end; cancel them after ``within`` seconds. Return whether all ended."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tasks, timeout=within)
    for task in pending:
        task.cancel()
    return not pending
