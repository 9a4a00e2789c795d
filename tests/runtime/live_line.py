"""A whole live line of small stages, to be run around a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from streamsel.clock import SystemClock
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.errors import SinkError
from streamsel.frame import EncodedPicture, Picture
from streamsel.interfaces.embedding import Embedder
from streamsel.interfaces.selectors import LiveSelector
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.service_run import LivePipeline
from tests.runtime.live_stages import NewestSelector, ScriptedSource, Watcher, feed_of
from tests.runtime.stages import AngleEmbedder


def encode(picture: Picture) -> EncodedPicture:
    return EncodedPicture(b"x" * 100, 8, 8)


class Line:
    """A pipeline of small stages that runs, and what is known of it."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        limits: LiveLimits | None = None,
        embedder: Embedder | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.watcher = watcher or Watcher()
        self.embedder = embedder or AngleEmbedder()
        self.reserve_error: SinkError | None = None
        self.reserved: dict[str, int] = {}
        self.pipeline = LivePipeline(
            ComputedEmbeddings(self.embedder),
            sinks,
            encode,
            self._reserve,
            SystemClock(),
            observers=[self.watcher],
            limits=limits or LiveLimits(retry_first=0.001, retry_most=0.01, shutdown=2.0),
        )

    def _reserve(self, feed: str, upto: int) -> None:
        if self.reserve_error is not None:
            raise self.reserve_error
        self.reserved[feed] = upto

    async def add(
        self, source: ScriptedSource, selector: LiveSelector | None = None, **changes: Any
    ) -> None:
        await self.pipeline.add_feed(
            feed_of(source, **changes), lambda: selector or NewestSelector()
        )

    def state_of(self, feed: str) -> str:
        return next(each.state for each in self.pipeline.statuses() if each.feed == feed)


@asynccontextmanager
async def running(
    sinks: Sequence[Sink],
    limits: LiveLimits | None = None,
    embedder: Embedder | None = None,
    watcher: Watcher | None = None,
) -> AsyncIterator[Line]:
    """Run a line around the block and end it in good order after it."""
    line = Line(sinks, limits, embedder, watcher)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(line.pipeline.run(), name="line")
        try:
            yield line
        finally:
            line.pipeline.stop()
