"""Reading one feed in a process of its own: what is sent there, and what is made of it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from streamsel.build.eyes import open_eye
from streamsel.build.inputs import open_source
from streamsel.config.options import ReadOptions
from streamsel.frame import ScreenState, Sighting, View
from streamsel.prefilter.options import ScreenOptions
from streamsel.prefilter.prefilter import FrameScreen
from streamsel.sources.file import FileSource
from streamsel.sources.inputs import Input


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """All that a process must know to read a feed from index ``start`` on; call it there.

    ``state`` and ``digests`` are what the screen remembers of the frames before; ``threads`` decode
    the feed.
    """

    feed: Input
    read: ReadOptions
    screen: ScreenOptions
    view: View
    start: int
    state: ScreenState
    digests: tuple[int, ...]
    threads: int

    def __call__(self) -> FeedInChild:
        """Open the feed."""
        return FeedInChild(self)


class FeedInChild:
    """A feed that is read in this process, for another; a ``FeedReading``."""

    def __init__(self, request: FeedRequest) -> None:
        self._request = request
        self._source = open_source(request.feed, request.read, threads=request.threads)

    def sightings(self) -> Iterator[Sighting]:
        """Yield what the screen saw, in stream order; raises :class:`SourceError`."""
        request = self._request
        screen = FrameScreen(open_eye(on_card=False), request.view, request.screen)
        screen.resume(request.state, request.digests)
        with closing(self._source.frames(request.start)) as frames:
            for frame in frames:
                yield screen.look(frame)

    def warnings(self) -> Sequence[str]:
        """What was wrong with the feed without ending it."""
        return self._source.warnings()

    def trail(self) -> object:
        """What a source of the same video must know to find frames again; None for images."""
        return self._source.trail if isinstance(self._source, FileSource) else None
