"""Stand-ins for your own tests: a clock, a source that plays a script, a sink that records.

>>> clock = ManualClock()
>>> gate = ScriptedSource("gate", [0.0, 2.0, "lost"], [0.0], clock=clock, pause=clock.advance)
>>> sink = RecordingSink()
>>> for update in updates_of(gate, frames=3, keep=2):
...     sink.apply(update)
>>> [str(key) for key in sink.kept], [str(event.frame.key) for event in sink.evicted]
(['gate-000001', 'gate-000002'], ['gate-000000'])
>>> gate.opened, clock.monotonic()
(2, 1002.0)

Nothing here starts a thread, waits for the network, or draws random numbers. numpy suffices, except
for :func:`small_picture`, which needs Pillow.
"""

from __future__ import annotations

import io
import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from streamsel.clock import Clock, SystemClock
from streamsel.decisions import (
    Event,
    Evicted,
    FeedStatus,
    Kept,
    Rhythm,
    SelectionUpdate,
    SourceCounters,
    Verdict,
)
from streamsel.errors import RefusedError, SinkError, SourceError
from streamsel.frame import (
    Candidate,
    EncodedPicture,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    Vector,
)
from streamsel.interfaces.sources import LiveSource

Step: TypeAlias = float | Literal["lost", "refused", "freeze"] | Exception
"""A step of a script, see :class:`ScriptedSource`."""
Script: TypeAlias = Sequence[Step] | Callable[[], Iterable[Step]]
"""The steps of a session; a function for steps without end."""

_RATE = 25.0
_COLOURS = 16
_MOST_EMPTY = 10


class ManualClock:
    """A clock that stands still until it is advanced. Fits wherever a ``Clock`` is asked for.

    >>> clock = ManualClock(wall=1_900_000_000.0)
    >>> clock.advance(1.5)
    >>> clock.wall(), clock.monotonic()
    (1900000001.5, 1001.5)
    >>> clock.set_wall(0.0)
    >>> clock.wall(), clock.monotonic()
    (0.0, 1001.5)
    """

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        """Start at ``wall``, in UTC epoch seconds; the monotonic time starts at 1000."""
        self._monotonic = 1000.0
        self._ahead = wall - self._monotonic

    def wall(self) -> float:
        """UTC epoch seconds."""
        return self._ahead + self._monotonic

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let this much time pass. Raises :class:`ValueError` if it is negative."""
        if seconds < 0:
            raise ValueError(f"seconds is {seconds}; a clock cannot go back, but see set_wall")
        self._monotonic += seconds

    def set_wall(self, wall: float) -> None:
        """Set the wall time, as an operator or a time server does; the monotonic time stays."""
        self._ahead = wall - self._monotonic


@cache
def small_picture(index: int) -> EncodedPicture:
    """Return a real PNG of 8 x 8 pixels; the colours of 16 consecutive indices differ."""
    from PIL import Image

    if index >= _COLOURS:
        return small_picture(index % _COLOURS)
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (16 * index, 255 - 16 * index, 128)).save(file, "PNG")
    return EncodedPicture(file.getvalue(), 8, 8)


class ScriptedSource:
    """A live source that plays a script: one for each session, the last one again and again.

    The steps of a script: a number is a pause in seconds, and then a frame; ``lost`` ends the
    session with a :class:`SourceError`, ``refused`` with a :class:`RefusedError`, an exception with
    itself; ``freeze`` hangs, even after :meth:`stop`, until :attr:`thaw` is set, and then yields a
    frame. After the last step the session ends without an error, as after :meth:`stop`.

    Frames carry ``picture(index)``, encoded already, and the times of ``clock``; 25 of them are a
    second of media time. The pauses really pass unless ``pause`` does something else: the
    ``advance`` of a :class:`ManualClock` makes them pass there. :attr:`opened` counts sessions,
    :attr:`produced` frames; :attr:`begun_at` has the media time at which each session began.
    """

    def __init__(
        self,
        feed: str,
        *sessions: Script,
        clock: Clock | None = None,
        pause: Callable[[float], object] | None = None,
        picture: Callable[[int], EncodedPicture] = small_picture,
    ) -> None:
        self.feed = feed
        self.address = f"rtsp://{feed}/main"
        self.is_push = False
        self.rhythm = Rhythm()
        self.rate = _RATE
        self.opened = 0
        self.produced = 0
        self.begun_at: list[float] = []
        self.thaw = threading.Event()
        self._sessions = sessions
        self._stopped = threading.Event()
        self._clock = clock or SystemClock()
        self._pause = pause or self._stopped.wait
        self._picture = picture

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Play the script of the next session; see ``interfaces.sources.LiveSource``."""
        script = self._sessions[min(self.opened, len(self._sessions) - 1)]
        self.opened += 1
        self.begun_at.append(media_time)
        for index, _ in enumerate(self._pauses(script() if callable(script) else script), start):
            yield self._frame(index, media_time + (index - start) / self.rate)
            self.produced += 1

    def _pauses(self, script: Iterable[Step]) -> Iterator[None]:
        """Play the steps; yield where a frame is due."""
        for step in script:
            if isinstance(step, Exception):
                raise step
            if step == "refused":
                raise RefusedError(f"feed {self.feed!r}: password is refused")
            if step == "lost":
                raise SourceError(f"feed {self.feed!r}: lost")
            if step == "freeze":
                self.thaw.wait()
            else:
                self._pause(step)
            if self._stopped.is_set():
                return
            yield

    def _frame(self, index: int, media_time: float) -> Frame:
        encoded = self._picture(index)
        return Frame(
            key=FrameKey(self.feed, index),
            pts=index,
            time_base=Fraction(1, 25),
            media_time=media_time,
            width=encoded.width,
            height=encoded.height,
            picture=Picture(None, encoded=encoded),
            wall_time=self._clock.wall(),
            received=self._clock.monotonic(),
        )

    def tally(self) -> SourceCounters:
        """Return the counters so far: each frame is a packet and a picture."""
        return SourceCounters(self.produced, self.produced, 0)

    def stop(self) -> None:
        """End the session at the next frame, permanently. Safe from any thread."""
        self._stopped.set()


class RecordingSink:
    """A sink that remembers what it was given, and fails on demand.

    :attr:`kept` are the frames kept now with their events, in the order of keeping;
    :attr:`ever_kept` all that ever were, :attr:`evicted` the evictions, :attr:`verdicts` the keys
    of the judged frames, :attr:`statuses` those of feeds, :attr:`states` the latest state by scope.
    While :attr:`failing`, a call raises :class:`SinkError` and changes nothing; :attr:`attempts`
    counts every call of :meth:`apply`, :attr:`closed` every call of :meth:`close`. A service evicts
    frames while :attr:`excess_bytes`, 0 unless you set it, is positive.
    """

    def __init__(self, name: str = "recording") -> None:
        self.name = name
        self.failing = False
        self.excess_bytes = 0
        self.attempts = 0
        self.closed = 0
        self.kept: dict[FrameKey, Kept] = {}
        self.ever_kept: set[FrameKey] = set()
        self.evicted: list[Evicted] = []
        self.verdicts: list[FrameKey] = []
        self.statuses: list[FeedStatus] = []
        self.states: dict[str, bytes] = {}
        self._lost: list[FrameKey] = []

    def apply(self, update: SelectionUpdate) -> None:
        """Record an update. Raises :class:`SinkError` while failing.

        Raises :class:`AssertionError` if a frame is evicted that was not kept.
        """
        self.attempts += 1
        self._require_working()
        self.verdicts += [verdict.frame.key for verdict in update.verdicts]
        for event in update.events:
            self._change(event)
        if update.state is not None:
            self.states[update.scope] = update.state

    def _change(self, event: Event) -> None:
        key = event.frame.key
        if isinstance(event, Evicted):
            if key not in self.kept:
                raise AssertionError(f"{key} is evicted but was not kept")
            del self.kept[key]
            self.evicted.append(event)
        else:
            self.kept[key] = event
            self.ever_kept.add(key)

    def feed_changed(self, status: FeedStatus) -> None:
        """Record the status of a feed. Raises :class:`SinkError` while failing."""
        self._require_working()
        self.statuses.append(status)

    def _require_working(self) -> None:
        if self.failing:
            raise SinkError(f"{self.name}: no room")

    def lose(self, key: FrameKey) -> None:
        """Let :meth:`lost` return this frame next, as if its picture could not be stored."""
        self._lost.append(key)

    def lost(self) -> Sequence[FrameKey]:
        """Return the frames given up since the last call."""
        lost, self._lost = self._lost, []
        return lost

    def close(self) -> None:
        """Count the call."""
        self.closed += 1


def updates_of(source: LiveSource, frames: int, *, keep: int = 8) -> Iterator[SelectionUpdate]:
    """Yield what a service would pass to its sinks: an update for each of the first frames.

    Every frame is kept; beyond ``keep`` frames the oldest one is evicted. Pictures are encoded, as
    JPEG unless they are already. When a session ends the next one is opened at once, but the tenth
    in a row without a frame is the last, and its error is raised. The source is read in this
    thread, and its session closed with this generator.
    """
    kept: deque[Frame] = deque()
    index, media_time, empty = 0, 0.0, 0
    while index < frames and empty < _MOST_EMPTY:
        empty += 1
        try:
            with closing(source.session(index, media_time)) as session:
                for frame in islice(session, frames - index):
                    yield _update(frame, kept, keep)
                    index, media_time, empty = index + 1, frame.media_time + 1 / _RATE, 0
        except SourceError:
            if empty == _MOST_EMPTY:
                raise


def _update(frame: Frame, kept: deque[Frame], keep: int) -> SelectionUpdate:
    if frame.picture.encoded is None:
        from streamsel.sinks.pictures import Encoder

        frame.picture.encode(Encoder("jpg").encode)
    embedding = _embedding(frame.key.index)
    nearest = kept[-1].key if kept else None
    distance = 0.5 if kept else None
    events: list[Event] = [Kept(frame, distance, nearest, 0.25, "novel", embedding)]
    kept.append(frame)
    if len(kept) > keep:
        events.append(Evicted(kept.popleft(), frame.key, 0.5, "closest-pair"))
    prefiltered = PrefilteredFrame(
        frame, np.zeros((32, 32), np.uint8), frame.key.index + 1, 0.5, None, None
    )
    verdict = Verdict(
        Candidate(prefiltered, embedding), "kept", "novel", distance, nearest, 0.25, tuple(events)
    )
    return SelectionUpdate(frame.key.feed, (verdict,))


def _embedding(index: int) -> Vector:
    """Return a unit vector (2,), at a distance of 0.5 from the one of the index before."""
    angle = index * 2 * math.asin(0.25)
    return np.array([math.cos(angle), math.sin(angle)], np.float32)
