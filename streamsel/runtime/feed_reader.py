"""The reader thread of one live feed: connects, reads and reconnects until stopped."""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from streamsel.clock import Clock
from streamsel.decisions import Fault
from streamsel.errors import RefusedError, SourceError
from streamsel.frame import Frame, Picture, PrefilteredFrame
from streamsel.interfaces.prefilter import Prefilter, ViewWatch
from streamsel.interfaces.sources import LiveSource
from streamsel.redaction import mask
from streamsel.runtime.backoff import Backoff
from streamsel.runtime.failure import Captured
from streamsel.runtime.pacing import Pacer

_LOG = logging.getLogger("streamsel.feeds")
_LOOK_SECONDS = 0.25


class Taker(Protocol):
    """Takes what readers see; :class:`~streamsel.runtime.latest_frames.LatestFrames` do."""

    def put(self, prefiltered: PrefilteredFrame) -> None:
        """Take a prefiltered frame, without waiting."""

    @property
    def is_behind(self) -> bool:
        """Whether what is judged might be given up unrecorded."""

    def await_room(self, feed: str, within: float) -> bool:
        """Wait until the next frame of a feed would not make another give way."""

    def await_empty(self, feed: str, within: float) -> bool:
        """Wait until nothing of the feed waits any more."""


class FeedReader:
    """Reads a feed in a thread of its own: only that thread opens, reads and closes.

    Each field has one writer once the thread has been started, and may be read by any:

    | fields | written by |
    |---|---|
    | ``begun``, ``came``, ``last_frame``, ``sessions``, ``next_index`` | the reader's thread |
    | ``is_open``, ``is_up``, ``is_over`` | the reader's thread |
    | ``reason``, ``fault``, ``refusals`` | the reader's thread |
    | ``failure`` | the reader's thread, as it ends |
    | ``reserved``, ``heard`` | the loop |
    | frames that had no number | both, under the lock |

    ``begun`` is when the newest session was opened, ``came`` when the newest frame came (or the
    reader was made), ``heard`` when a picture came that was not asked for, in monotonic seconds;
    ``last_frame`` is UTC epoch seconds. ``is_up``: a frame came in the session
    that ``is_open``; ``is_over``: it was a file, and all of it was taken. ``reason`` says why no
    frame has come since, ``fault`` why those that come are of no use; ``failure`` is what no retry
    can mend. ``refusals`` counts how often in a row the password was not taken.

    The media time goes on as the wall clock does where no frames come: between sessions, and while
    one is being opened. It never goes back.
    """

    def __init__(
        self,
        feed: LiveFeed,
        hold: Callable[[Picture], None],
        latest: Taker,
        clock: Clock,
        backoff: Backoff,
        chance: random.Random,
        before: FeedReader | None = None,
    ) -> None:
        """``hold`` counts a picture in, ``latest`` take what is seen, in the feed's own.

        ``before`` is the reader, told to stop, whose place this one takes: numbers, time and what
        the prefilter remembers go on from there.
        """
        self._feed = feed
        self._hold = hold
        self._latest = latest
        self._clock = clock
        self._backoff = backoff
        self._chance = chance
        self._stopping = threading.Event()
        self._passing = threading.Lock()
        self._is_looking = False
        self._source = feed.open_source()
        self._failures = 0
        self._unreserved = 0
        self.sessions: int = 0 if before is None else before.sessions
        self.next_index: int = feed.start if before is None else before.next_index
        self.reserved: int = feed.reserved if before is None else before.reserved
        self.last_frame: float | None = None if before is None else before.last_frame
        self.begun = self.came = self._timed = clock.monotonic()
        self.heard = -math.inf
        self._media_time = feed.media_time if before is None else before.media_time
        # A prefilter that a thread hangs in is lost.
        spare = None if before is None or before._is_looking else before._prefilter
        self._prefilter: Prefilter = feed.open_prefilter() if spare is None else spare
        self._watch = feed.open_watch()
        self.is_open = self.is_up = self.is_over = False
        self.refusals: int = 0 if before is None else before.refusals
        self.reason = ""
        self.fault: Fault | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"streamsel-read-{feed.name}", daemon=True
        )

    @property
    def source(self) -> LiveSource:
        """What is read."""
        return self._source

    @property
    def patience(self) -> float:
        """Seconds without a picture until the feed is down."""
        return max(self._feed.down_after, self._source.rhythm.pause)

    @property
    def silent_since(self) -> float:
        """When the newest picture came, asked for or not, in monotonic seconds."""
        return max(self.came, self.heard)

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not left yet."""
        return self._thread.is_alive()

    @property
    def media_time(self) -> float:
        """Where the feed's time is now, in seconds."""
        return self._media_time + max(0.0, self._clock.monotonic() - self._timed)

    def take_unreserved(self) -> int:
        """Return how many frames came, since the last call, when no number was left for them."""
        if not self._unreserved:
            return 0
        with self._passing:
            unreserved, self._unreserved = self._unreserved, 0
        return unreserved

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread leave as soon as it can; does not wait for it.

        Nothing is passed on and no index is used any more when this returns.
        """
        with self._passing:
            self._stopping.set()
        self._source.stop()

    def _run(self) -> None:
        # A defect must end the service, not this thread alone: the loop looks at ``failure``.
        with Captured() as captured:
            while not self._stopping.is_set() and not self.is_over:
                self._session()
        self.failure = captured.error

    def _session(self) -> None:
        """Open the feed once, read it to its end and wait as long as is due."""
        # A feed that waits for its sender is opened by that.
        self.sessions += not self._source.is_push
        self.begun, self.is_open = self._clock.monotonic(), True
        lasted = False
        try:
            with closing(self._source.session(self.next_index, self.media_time)) as frames:
                opening: float | None = None
                asked = self.begun
                for frame in frames:
                    if opening is None:
                        opening = max(0.0, self._clock.monotonic() - self.begun)
                        self.sessions += self._source.is_push
                        pacer = Pacer(self._source.rhythm)
                    if not self._await_turn(frame, pacer, asked):
                        return
                    if not self._look(replace(frame, media_time=frame.media_time + opening)):
                        return
                    lasted = self.silent_since - self.begun >= self._feed.down_after
                    asked = self._clock.monotonic()
                self.is_over = self._source.rhythm.is_finite and self._await_taken()
        except RefusedError as error:
            self.refusals += 1
            self._note(redact(str(error)) + self._when_again())
        except SourceError as error:
            self._note(redact(str(error)))
        finally:
            self.is_open = self.is_up = False
        if self._source.is_push or self.is_over:
            return
        self._failures = 1 if lasted else self._failures + 1
        delay = self._backoff.delay(self._failures, self._chance)
        self._stopping.wait(self._backoff.refused if self._is_locked_out else delay)

    @property
    def _is_locked_out(self) -> bool:
        return self.refusals >= self._backoff.refusals

    def _when_again(self) -> str:
        if not self._is_locked_out:
            return ""
        return (
            f"; tried once in {self._backoff.refused / 60:g} minutes from now on, so as not to be "
            "locked out, and at once after a reload that changes it"
        )

    def _await_turn(self, frame: Frame, pacer: Pacer, asked: float) -> bool:
        """Let a frame wait that came early, ``asked`` for at that time; False: stop."""
        if self._source.rhythm.speed is None:
            return True
        now = self._clock.monotonic()
        earliest, latest = pacer.turn(frame.media_time, now, now - asked)
        while (left := earliest - self._clock.monotonic()) > 0:
            if self._stopping.wait(min(left, _LOOK_SECONDS)):
                return False
            # It has come, and the feed is not silent.
            self.came = self._clock.monotonic()
        while not self._may_go(frame, max(0.0, latest - self._clock.monotonic())):
            if self._stopping.is_set():
                return False
            if self._clock.monotonic() >= latest:
                return True
            self.came = self._clock.monotonic()
        return True

    def _may_go(self, frame: Frame, within: float) -> bool:
        """Whether a frame would neither make another give way nor be without a number.

        One of a file waits for the sinks too.
        """
        within = min(within, _LOOK_SECONDS)
        has_number = frame.key.index < self.reserved
        if self._source.rhythm.is_finite and (not has_number or self._latest.is_behind):
            self._stopping.wait(within)
            return False
        return self._latest.await_room(self._feed.name, within)

    def _await_taken(self) -> bool:
        """Wait until all that was read is taken. Returns False where told to stop."""
        while not self._latest.await_empty(self._feed.name, _LOOK_SECONDS):
            if self._stopping.is_set():
                return False
        return not self._stopping.is_set()

    def _note(self, reason: str) -> None:
        """Say once why the feed is not up, however often it is tried."""
        if reason != self.reason and not self._stopping.is_set():
            _LOG.warning("%s", reason)
        self.reason = reason

    def _say_back(self, silent: float) -> None:
        """End what was said of a feed that is not up: the log tells how long it was away."""
        if self.reason or silent > self.patience:
            _LOG.info("feed %r: back, after %.0f s without a picture", self._feed.name, silent)

    def _look(self, frame: Frame) -> bool:
        """Prefilter a frame and pass it on. Returns False where the reader was told to stop."""
        with self._passing:
            if self._stopping.is_set():
                return False
            self._is_looking = True
        try:
            prefiltered = self._prefilter.check(frame)
            fault = self._watch.check(prefiltered)
        except SourceError:
            self._is_looking = False
            raise
        if prefiltered.refusal is None:
            self._hold(frame.picture)
        else:
            frame.picture.drop()
        with self._passing:
            self._is_looking = False
            if self._stopping.is_set():
                return False
            now = self._clock.monotonic()
            self._say_back(now - self.silent_since)
            self.next_index = frame.key.index + 1
            self._media_time, self._timed = frame.media_time, frame.received or now
            self.came, self.last_frame = now, frame.wall_time
            self.fault, self.reason, self.refusals = fault, "", 0
            self.is_up = True
            if frame.key.index < self.reserved:
                self._latest.put(prefiltered)
            else:
                self._unreserved += 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFeed:
    """A feed that has no end, and where its numbers and times go on.

    ``open_source`` makes a source that has not connected yet; it is called again after the feed was
    switched off, and where a thread hangs for good, so no source is ever touched by two threads.
    ``open_prefilter`` makes a prefilter, ``open_watch`` what watches the view. ``scope`` names the
    selector that judges it. The next frame has the index ``start``; ``reserved`` and later ones
    must not be used before they are reserved. ``media_time`` is where its time begins, in seconds.
    ``down_after``: seconds without a picture until it counts as down.
    """

    name: str
    address: str
    open_source: Callable[[], LiveSource]
    open_prefilter: Callable[[], Prefilter]
    open_watch: Callable[[], ViewWatch]
    scope: str
    start: int = 0
    reserved: int = 0
    media_time: float = 0.0
    down_after: float = 10.0
    enabled: bool = True
