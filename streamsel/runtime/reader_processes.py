"""Child processes that read feeds, one feed at a time each.

A child opens a feed, prefilters its frames and sends the prefiltered frames without their pictures;
the parent's own source decodes the pictures of kept frames again. A child is a new interpreter that
receives requests on standard input and answers on standard output, pickled. So a program needs no
guard around its main part, and a child exits with its parent in any case.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

from streamsel.errors import SourceError, StreamselError
from streamsel.frame import Frame, PrefilteredFrame
from streamsel.interfaces.sources import Source
from streamsel.runtime.ordered_map import ThreadedMap

_AT_ONCE = 32
_ROOM_BYTES = 64 << 20
_SIGHTING_BYTES = 12 << 10
"""A frame without its thumbnail: grids, and a background with its variances."""
_PATIENCE = 2.0
# -P: files in the working directory must not be imported as modules.
_PYTHON = (sys.executable, "-P", "-c")
_MAIN = "from streamsel.runtime.reader_processes import serve; serve()"


class FeedReading(Protocol):
    """Reads one feed in a child; created there by a pickled callable.

    The wiring, above the runtime, implements it.
    """

    def prefiltered_frames(self) -> Iterator[PrefilteredFrame]:
        """Yield the prefiltered frames in stream order; raises :class:`SourceError`."""

    def warnings(self) -> Sequence[str]:
        """Return the problems that did not end the feed."""

    def seek_index(self) -> object:
        """Return the seek index for the parent's source; picklable."""


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a feed: an error of the feed, a defect, or neither."""

    error: BaseException | None
    warnings: tuple[str, ...] = ()
    seek_index: object = None


class RemoteSource:
    """A source that reads frames in a child, and uses a source in the parent for all else.

    ``open_reading`` is pickled and called in the child; ``adopt`` receives the child's seek index.
    """

    def __init__(
        self,
        source: Source,
        open_reading: Callable[[], FeedReading],
        adopt: Callable[[Any], None],
        children: ReaderProcesses,
    ) -> None:
        self._source = source
        self._adopt = adopt
        self._children = children
        self._end: _End | None = None
        self.open_reading = open_reading

    @property
    def feed(self) -> str:
        """Name of the feed, unique within a run."""
        return self._source.feed

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return self._source.address

    @property
    def expected_frames(self) -> int | None:
        """Expected number of frames, if known."""
        return self._source.expected_frames

    @property
    def expected_seconds(self) -> float | None:
        """Expected media time in seconds, if known."""
        return self._source.expected_seconds

    @property
    def fingerprint(self) -> str:
        """Changes when the feed's content does."""
        return self._source.fingerprint

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Read in this process, without a child."""
        return self._source.frames(start)

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, in this process."""
        return self._source.fetch(indices)

    def stop(self) -> None:
        """End reading here and in all children, permanently. Safe from any thread."""
        self._source.stop()
        self._children.end()

    def warnings(self) -> Sequence[str]:
        """Return the problems that did not end the feed, as reported by the child."""
        return self._source.warnings() if self._end is None else self._end.warnings

    def prefiltered_frames(self) -> Generator[PrefilteredFrame, None, None]:
        """Yield the child's prefiltered frames; feeds must be read in their order.

        Raises :class:`SourceError` as the child's source did, or if the child died.
        """
        end = self._end = yield from self._children.prefiltered_frames(self)
        if end.seek_index is not None:
            self._adopt(end.seek_index)
        if end.error is not None:
            raise end.error


class ReaderProcesses:
    """A pool of processes that read feeds ahead of the caller, who reads them in order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._feeds: list[RemoteSource] = []
        self._children: dict[int, _Child] = {}
        self._results: Generator[list[PrefilteredFrame] | _End, None, None] | None = None
        self._is_over = False

    def add(self, feed: RemoteSource) -> None:
        """Add a feed after those before."""
        self._feeds.append(feed)

    def prefiltered_frames(self, feed: RemoteSource) -> Generator[PrefilteredFrame, None, _End]:
        """Yield the prefiltered frames of the next feed; return how it ended."""
        if self._results is None:
            ahead = ThreadedMap(self._count, _ROOM_BYTES)
            self._results = ahead.run(self._read, iter(self._feeds), _bytes_of)
        is_read = False
        try:
            for message in self._results:
                if isinstance(message, _End):
                    is_read = True
                    return message
                yield from message
            raise SourceError(f"feed '{feed.feed}': its reading was stopped")
        finally:
            if not is_read:
                self.close()

    def end(self) -> None:
        """End every child now. Safe from any thread."""
        self._is_over = True
        for child in list(self._children.values()):
            child.kill()

    def close(self) -> None:
        """End every child and wait for it; not while frames are being read."""
        self.end()
        if self._results is not None:
            self._results.close()
        for child in self._children.values():
            child.close()
        self._children.clear()

    def _read(self, slot: int, feed: RemoteSource) -> Iterator[list[PrefilteredFrame] | _End]:
        if self._is_over:
            return
        child = self._children.get(slot)
        if child is None:
            try:
                child = self._children[slot] = _Child()
            except OSError as error:
                why = f"a process to read it cannot be started ({error.strerror})"
                yield _End(SourceError(f"feed '{feed.feed}': {why}; try fewer jobs"))
                return
            if self._is_over:
                child.kill()
        try:
            child.ask(feed.open_reading)
            while not isinstance(message := child.receive(), _End):
                yield message
            yield message
        except (EOFError, OSError, pickle.UnpicklingError):
            del self._children[slot]
            how = child.close()
            if not self._is_over:
                died = SourceError(f"feed '{feed.feed}': its reading process {how}")
                yield _End(died)


class _Child:
    """One process and its pipes."""

    def __init__(self) -> None:
        # In its own session, so that an interrupt from the terminal reaches only the parent.
        self._process = subprocess.Popen(
            [*_PYTHON, _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def ask(self, open_reading: Callable[[], FeedReading]) -> None:
        """Let the child read a feed. Raises ``OSError`` if it is gone."""
        requests = _pipe(self._process.stdin)
        pickle.dump(open_reading, requests)
        requests.flush()

    def receive(self) -> Any:
        """Wait for the next message. Raises ``EOFError`` if the child is gone."""
        return pickle.load(_pipe(self._process.stdout))

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()

    def close(self) -> str:
        """Wait for the process to end; return how it did."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # unsent requests are no longer needed
                _pipe(pipe).close()
        return f"was killed (signal {-code})" if code < 0 else f"ended by itself (exit code {code})"


def serve() -> None:
    """Run as a child: read feeds on request, until the parent closes the pipe."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Printed text must not mix with the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_leave_with_parent, args=(requests.fileno(),), daemon=True).start()
    try:
        while True:
            _answer(pickle.load(requests), answers)
    except (EOFError, BrokenPipeError):
        # The parent is gone; nobody reads the rest of the buffer.
        os._exit(0)


def _leave_with_parent(requests: int) -> None:
    """End the process when the parent is gone, even if a feed hangs."""
    gone = select.poll()
    gone.register(requests, 0)
    gone.poll()
    os._exit(0)


def _answer(open_reading: Callable[[], FeedReading], answers: IO[bytes]) -> None:
    reading: FeedReading | None = None
    error: BaseException | None = None
    batch: list[PrefilteredFrame] = []
    try:
        reading = open_reading()
        for prefiltered in reading.prefiltered_frames():
            prefiltered.frame.picture.drop()
            batch.append(prefiltered)
            if len(batch) == _AT_ONCE:
                _send(batch, answers)
                batch.clear()
    except StreamselError as failure:
        error = failure
    if batch:
        _send(batch, answers)
    warnings = () if reading is None else tuple(reading.warnings())
    seek_index = None if reading is None else reading.seek_index()
    _send(_End(error, warnings, seek_index), answers)


def _send(message: list[PrefilteredFrame] | _End, answers: IO[bytes]) -> None:
    pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


def _bytes_of(message: list[PrefilteredFrame] | _End) -> int:
    if isinstance(message, _End):
        return 0
    thumbnails = sum(one.thumbnail.nbytes for one in message if one.thumbnail is not None)
    return thumbnails + _SIGHTING_BYTES * len(message)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe
