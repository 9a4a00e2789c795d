"""The reader thread of one live feed: connects, reads and reconnects until stopped."""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace

from streamsel.backoff import Backoff
from streamsel.clock import Clock
from streamsel.decisions import Fault
from streamsel.errors import RefusedError, SourceError
from streamsel.frame import Frame, Picture
from streamsel.interfaces.prefilter import Prefilter, ViewWatch
from streamsel.interfaces.sources import LiveSource
from streamsel.redaction import redact
from streamsel.runtime.failure import Captured
from streamsel.runtime.latest_frames import LatestFrames
from streamsel.runtime.pacing import Pacer

_LOG = logging.getLogger("streamsel.feeds")
_LOOK_SECONDS = 0.25


class FeedReader:
    """Reads a feed in its own thread: only that thread opens, reads and closes the source.

    Each field has one writer once the thread is running, and may be read by any thread:

    | fields | written by |
    |---|---|
    | ``begun``, ``came``, ``last_frame``, ``sessions``, ``next_index`` | the reader's thread |
    | ``is_open``, ``is_up``, ``is_over`` | the reader's thread |
    | ``reason``, ``fault``, ``refusals`` | the reader's thread |
    | ``failure`` | the reader's thread, as it ends |
    | ``reserved``, ``heard`` | the loop |
    | number of unreserved frames | both, under the lock |

    ``begun`` is the start of the current session, ``came`` the arrival of the latest frame (or the
    creation of the reader), ``heard`` the arrival of the latest picture that was not decoded, all
    in monotonic seconds; ``last_frame`` is UTC epoch seconds. ``is_up``: a frame came in the open
    session (``is_open``); ``is_over``: the source was a file and all of it was read. ``reason``
    explains why no frame has come since, ``fault`` why the frames are useless; ``fixed`` says
    whether the camera counts as fixed (None: not measured yet); ``failure`` is an
    error that no retry can solve. ``refusals`` counts rejected logins in a row.

    Without frames, between sessions and while connecting, media time advances with the monotonic
    clock. It never goes back.
    """

    def __init__(
        self,
        feed: LiveFeed,
        hold: Callable[[Picture], None],
        latest: LatestFrames,
        clock: Clock,
        backoff: Backoff,
        chance: random.Random,
        before: FeedReader | None = None,
    ) -> None:
        """``hold`` counts a picture into the memory budget; ``latest`` receives the frames.

        ``before`` is the stopped reader that this one replaces: frame numbers, time and prefilter
        state continue from it.
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
        self._has_begun = self._media_time > 0.0
        # A prefilter in use by a hanging thread cannot be used again.
        spare = None if before is None or before._is_looking else before._prefilter
        self._prefilter: Prefilter = feed.open_prefilter() if spare is None else spare
        self._watch = feed.open_watch()
        self.is_open = self.is_up = self.is_over = False
        self.refusals: int = 0 if before is None else before.refusals
        self.reason = ""
        self.fault: Fault | None = None
        self.fixed: bool | None = None if before is None else before.fixed
        self.failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"streamsel-read-{feed.name}", daemon=True
        )

    @property
    def source(self) -> LiveSource:
        """The source of the feed."""
        return self._source

    @property
    def patience(self) -> float:
        """Seconds without a picture after which the feed is down."""
        return max(self._feed.down_after, self._source.rhythm.pause)

    @property
    def silent_since(self) -> float:
        """Arrival of the latest picture, decoded or not, in monotonic seconds."""
        return max(self.came, self.heard)

    @property
    def is_alive(self) -> bool:
        """Whether the thread is still running."""
        return self._thread.is_alive()

    @property
    def media_time(self) -> float:
        """The feed's current media time in seconds; 0 until its first frame."""
        if not self._has_begun:
            return 0.0
        return self._media_time + max(0.0, self._clock.monotonic() - self._timed)

    def take_unreserved(self) -> int:
        """Return how many frames came without a reserved number since the last call."""
        if not self._unreserved:
            return 0
        with self._passing:
            unreserved, self._unreserved = self._unreserved, 0
        return unreserved

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread as soon as possible; does not wait for it.

        No frame is passed on and no index is used after this returns.
        """
        with self._passing:
            self._stopping.set()
        self._source.stop()

    def _run(self) -> None:
        # A defect must end the service, not only this thread: the loop checks ``failure``.
        with Captured() as captured:
            while not self._stopping.is_set() and not self.is_over:
                self._run_session()
        self.failure = captured.error

    def _run_session(self) -> None:
        """Open the feed once, read it to its end, and wait for the backoff."""
        # A session of a push source begins with its first frame.
        self.sessions += not self._source.is_push
        self.begun, self.is_open = self._clock.monotonic(), True
        lasted = False
        try:
            with closing(self._source.session(self.next_index, self.media_time)) as frames:
                opening: float | None = None
                asked = self.begun
                for frame in frames:
                    if opening is None:
                        waited = max(0.0, self._clock.monotonic() - self.begun)
                        opening = waited if self._has_begun else 0.0
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
        """Delay a frame that came early; return False to stop."""
        if self._source.rhythm.speed is None:
            return True
        now = self._clock.monotonic()
        earliest, latest = pacer.turn(frame.media_time, now, now - asked)
        while (left := earliest - self._clock.monotonic()) > 0:
            if self._stopping.wait(min(left, _LOOK_SECONDS)):
                return False
            # The frame has arrived, so the feed is not silent.
            self.came = self._clock.monotonic()
        while not self._may_go(frame, max(0.0, latest - self._clock.monotonic())):
            if self._stopping.is_set():
                return False
            if self._clock.monotonic() >= latest:
                return True
            self.came = self._clock.monotonic()
        return True

    def _may_go(self, frame: Frame, within: float) -> bool:
        """Whether a frame would displace no other and has a reserved number.

        A frame of a file also waits for the sinks.
        """
        within = min(within, _LOOK_SECONDS)
        has_number = frame.key.index < self.reserved
        if self._source.rhythm.is_finite and (not has_number or self._latest.is_behind):
            self._stopping.wait(within)
            return False
        return self._latest.await_room(self._feed.name, within)

    def _await_taken(self) -> bool:
        """Wait until all frames read are taken. Returns False if stopped."""
        while not self._latest.await_empty(self._feed.name, _LOOK_SECONDS):
            if self._stopping.is_set():
                return False
        return not self._stopping.is_set()

    def _note(self, reason: str) -> None:
        """Log once why the feed is not up, for any number of attempts."""
        if reason != self.reason and not self._stopping.is_set():
            _LOG.warning("%s", reason)
        self.reason = reason

    def _say_back(self, silent: float) -> None:
        """Log that the feed is back, and how long it was down."""
        if self.reason or silent > self.patience:
            _LOG.info("feed %r: back, after %.0f s without a picture", self._feed.name, silent)

    def _look(self, frame: Frame) -> bool:
        """Prefilter a frame and pass it on. Returns False if stopped."""
        with self._passing:
            if self._stopping.is_set():
                return False
            self._is_looking = True
        try:
            with self._feed.turn:
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
            self._has_begun = True
            self.came, self.last_frame = now, frame.wall_time
            self.fault, self.reason, self.refusals = fault, "", 0
            if prefiltered.change is not None:
                self.fixed = prefiltered.change.fixed
            self.is_up = True
            if frame.key.index < self.reserved:
                self._latest.put(prefiltered, may_wait=self._source.rhythm.is_finite)
            else:
                self._unreserved += 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFeed:
    """A live feed, with the frame number and time at which it continues.

    ``open_source`` creates an unconnected source; it is called again after the feed was disabled,
    or if a thread hangs for good, so no source is ever used by two threads. ``open_prefilter``
    creates a prefilter, ``open_watch`` a view watch. ``scope`` names its selector. The next frame
    has the index ``start``; ``reserved`` and higher numbers must be reserved before use.
    ``media_time`` is its start time in seconds; 0 for a feed that had no frame yet. ``down_after``:
    seconds without a picture after which it is down. ``turn`` is held while a frame is prefiltered.
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
    turn: AbstractContextManager[None] = field(default_factory=nullcontext)
