"""Finding frames again that were seen before, each by its timestamp."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import groupby

import av

from streamsel.frame import Frame
from streamsel.interfaces import Ahead
from streamsel.sources.decode import Session
from streamsel.sources.reading import Reading
from streamsel.sources.trail import Trail


class Finder:
    """Decodes frames again, those of one group of pictures by one decoder, groups side by side."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        read: Callable[[Session], Reading],
        trail: Trail,
        ahead: Ahead,
    ) -> None:
        """``open_session`` opens the video once more; ``read`` makes frames of its pictures."""
        self._open_session = open_session
        self._read = read
        self._trail = trail
        self._ahead = ahead
        self._sessions: dict[int, Session] = {}
        self._stack = ExitStack()

    def find(self, wanted: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield the frames of these indices, which rise.

        Ends early, or goes on with another than the next one, where a frame does not come out as
        it was seen.
        """
        runs = groupby(wanted, key=self._trail.key_before)
        found = self._ahead.run(
            self._take,
            ((key, tuple(indices)) for key, indices in runs),
            lambda frame: frame.picture.held_bytes,
        )
        with self._stack, closing(found):
            yield from found

    def _take(self, slot: int, run: tuple[int, Sequence[int]]) -> Iterator[Frame]:
        """Take frames of one group, as far as each comes out as it was seen."""
        if slot not in self._sessions:
            self._sessions[slot] = self._stack.enter_context(self._open_session())
        session, trail = self._sessions[slot], self._trail
        key, indices = run
        try:
            session.seek(trail.pts(key))
        except av.FFmpegError:
            return
        reading = self._read(session)
        due: int | None = None
        for image in session.images():
            index = trail.index_of(image)
            if due is None and (index is None or index < key):
                continue  # the seek went further back, or these depend on what lies before
            if index is None or index != (key if due is None else due):
                return
            if not trail.is_same(image, index):
                return
            due = index + 1
            if index in indices:
                yield reading.frame(index, image, trail.time(index))
            if index == indices[-1]:
                return
