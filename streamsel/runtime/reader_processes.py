"""Child processes that read feeds, one feed at a time each.

A child opens a feed, prefilters its frames and sends what it saw: prefiltered frames without their
pictures, which the parent's own source fetches again where they are kept. A child is a fresh
interpreter that hears requests on its standard input and answers on its standard output, pickled,
so a program that uses this needs no guard around its main part, and a child leaves when its parent
does, however that ends.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

from streamsel.errors import SourceError, StreamselError
from streamsel.frame import Frame, PrefilteredFrame
from streamsel.interfaces.sources import Source
from streamsel.runtime.ordered_map import ThreadedMap

_AT_ONCE = 32
_ROOM_BYTES = 64 << 20
_SIGHTING_BYTES = 4 << 10
_PATIENCE = 2.0
# -P: what lies in the working directory is not to be taken for a module.
_PYTHON = (sys.executable, "-P", "-c")
_MAIN = "from streamsel.runtime.reader_processes import serve; serve()"


class FeedReading(Protocol):
    """How a child reads one feed; made there by a callable that was pickled."""

    def prefiltered_frames(self) -> Iterator[PrefilteredFrame]:
        """Yield what the prefilter saw, in stream order; raises :class:`SourceError`."""

    def warnings(self) -> Sequence[str]:
        """What was wrong with the feed without ending it."""

    def seek_index(self) -> object:
        """What the parent's source must know to find frames again; picklable."""


@dataclass(frozen=True, slots=True)
class _End:
    """How a feed ended: an error of the feed, or a defect, or neither."""

    error: BaseException | None
    warnings: tuple[str, ...] = ()
    seek_index: object = None


class RemoteSource:
    """A source whose frames are read in a child; all else is asked of the parent's own.

    ``open_reading`` is pickled and called in the child; ``adopt`` is told the seek index that the
    child left.
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
        """Unique name of the feed within a run."""
        return self._source.feed

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return self._source.address

    @property
    def expected_frames(self) -> int | None:
        """How many frames will come, as far as that is known."""
        return self._source.expected_frames

    @property
    def expected_seconds(self) -> float | None:
        """How much media time will come, as far as that can be known."""
        return self._source.expected_seconds

    @property
    def fingerprint(self) -> str:
        """Changes when the feed's content does."""
        return self._source.fingerprint

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Read here after all, as if there were no child."""
        return self._source.frames(start)

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, here."""
        return self._source.fetch(indices)

    def stop(self) -> None:
        """End what is read here and in all children, for good. Safe from any thread."""
        self._source.stop()
        self._children.end()

    def warnings(self) -> Sequence[str]:
        """What was wrong with the feed without ending it, as the child saw it."""
        return self._source.warnings() if self._end is None else self._end.warnings

    def prefiltered_frames(self) -> Generator[PrefilteredFrame, None, None]:
        """Yield what the child saw; feeds must be asked for in their order.

        Raises :class:`SourceError` as the child's source did, and where the child died.
        """
        end = self._end = yield from self._children.prefiltered_frames(self)
        if end.seek_index is not None:
            self._adopt(end.seek_index)
        if end.error is not None:
            raise end.error


class ReaderProcesses:
    """So many processes, each reading the next of the feeds ahead of who asks for them in order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._feeds: list[RemoteSource] = []
        self._children: dict[int, _Child] = {}
        self._results: Generator[list[PrefilteredFrame] | _End, None, None] | None = None
        self._is_over = False

    def add(self, feed: RemoteSource) -> None:
        """Read this feed too, after those before."""
        self._feeds.append(feed)

    def prefiltered_frames(self, feed: RemoteSource) -> Generator[PrefilteredFrame, None, _End]:
        """Yield the prefiltered frames of the next feed, and return how it ended."""
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
        """Let every child leave now. Safe from any thread."""
        self._is_over = True
        for child in list(self._children.values()):
            child.kill()

    def close(self) -> None:
        """End every child and wait for it; not while prefiltered frames are being read."""
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
    """One process, and the pipes to and from it."""

    def __init__(self) -> None:
        # In a session of its own: an interrupt from the terminal is for the parent to act on.
        self._process = subprocess.Popen(
            [*_PYTHON, _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def ask(self, open_reading: Callable[[], FeedReading]) -> None:
        """Let the child read a feed. Raises OSError where it is gone."""
        requests = _pipe(self._process.stdin)
        pickle.dump(open_reading, requests)
        requests.flush()

    def receive(self) -> Any:
        """Wait for the next message. Raises EOFError where the child is gone."""
        return pickle.load(_pipe(self._process.stdout))

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()

    def close(self) -> str:
        """Wait for the process to end, and say how it did."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                _pipe(pipe).close()
            except OSError:
                continue  # what could not be sent is not needed any more
        return f"was killed (signal {-code})" if code < 0 else f"ended by itself (exit code {code})"


def serve() -> None:
    """Be a child: read feeds as they are asked for, until the parent has no more to ask."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever is printed on the way must not come between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_leave_with_parent, args=(requests.fileno(),), daemon=True).start()
    try:
        while True:
            _answer(pickle.load(requests), answers)
    except (EOFError, BrokenPipeError):
        # The parent has gone; what is still in the pipe's buffer goes nowhere.
        os._exit(0)


def _leave_with_parent(requests: int) -> None:
    """End the process once nobody can ask any more; else a feed that hangs would keep it."""
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
