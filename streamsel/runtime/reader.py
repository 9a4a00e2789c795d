"""The thread of one live feed: sessions, one after another, until it is told to stop."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.frame import Frame, Picture, Sighting
from streamsel.interfaces import LiveSource, Screen
from streamsel.runtime.failure import Captured
from streamsel.runtime.feed import LiveFeed
from streamsel.runtime.retry import Backoff
from streamsel.sources.masking import mask

_LOG = logging.getLogger("streamsel.feeds")


class Reader:
    """Reads a feed in a thread of its own: only that thread opens, reads and closes.

    Its public fields are written by the thread and may be read by any. ``begun`` is when the newest
    session was opened, ``silent_since`` when the newest frame came (or the reader was made), in
    monotonic seconds; ``last_frame`` is UTC epoch seconds. ``is_up``: a frame came in the session
    that ``is_open``. ``reason`` says why no frame has come since; ``failure`` is what no retry can
    mend.

    The media time goes on as the wall clock does where no frames come: between sessions, and while
    one is being opened. It never goes back.
    """

    def __init__(
        self,
        feed: LiveFeed,
        hold: Callable[[Picture], None],
        pass_on: Callable[[Sighting], None],
        clock: Clock,
        backoff: Backoff,
        chance: random.Random,
        before: Reader | None = None,
    ) -> None:
        """``hold`` counts a picture in, ``pass_on`` takes a sighting; the latter must not wait.

        ``before`` is the reader, told to stop, whose place this one takes: numbers, time and what
        the screen remembers go on from there.
        """
        self._feed = feed
        self._hold = hold
        self._pass_on = pass_on
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
        self.begun = self.silent_since = self._timed = clock.monotonic()
        self._media_time = feed.media_time if before is None else before.media_time
        # A screen that a thread hangs in is lost.
        spare = None if before is None or before._is_looking else before._screen
        self._screen: Screen = feed.open_screen() if spare is None else spare
        self.is_open = self.is_up = False
        self.reason = ""
        self.failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"streamsel-read-{feed.name}", daemon=True
        )

    @property
    def source(self) -> LiveSource:
        """What is read."""
        return self._source

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
            while not self._stopping.is_set():
                self._session()
        self.failure = captured.error

    def _session(self) -> None:
        """Open the feed once, read it to its end and wait as long as is due."""
        # A feed that waits for its sender is opened by that.
        self.sessions += not self._source.is_called
        self.begun, self.is_open = self._clock.monotonic(), True
        lasted = False
        try:
            with closing(self._source.session(self.next_index, self.media_time)) as frames:
                opening: float | None = None
                for frame in frames:
                    if opening is None:
                        opening = max(0.0, self._clock.monotonic() - self.begun)
                        self.sessions += self._source.is_called
                    if not self._look(replace(frame, media_time=frame.media_time + opening)):
                        return
                    lasted = self.silent_since - self.begun >= self._feed.down_after
        except SourceError as error:
            self._note(mask(str(error)))
        finally:
            self.is_open = self.is_up = False
        if self._source.is_called:
            return
        self._failures = 1 if lasted else self._failures + 1
        self._stopping.wait(self._backoff.delay(self._failures, self._chance))

    def _note(self, reason: str) -> None:
        """Say once why the feed is not up, however often it is tried."""
        if reason != self.reason and not self._stopping.is_set():
            _LOG.warning("%s", reason)
        self.reason = reason

    def _say_back(self, silent: float) -> None:
        """End what was said of a feed that is not up: the log tells how long it was away."""
        if self.reason or silent > self._feed.down_after:
            _LOG.info("feed %r: back, after %.0f s without a picture", self._feed.name, silent)

    def _look(self, frame: Frame) -> bool:
        """Screen a frame and pass it on. Returns False where the reader was told to stop."""
        with self._passing:
            if self._stopping.is_set():
                return False
            self._is_looking = True
        try:
            sighting = self._screen.look(frame)
        except SourceError:
            self._is_looking = False
            raise
        if sighting.refusal is None:
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
            self.silent_since, self.last_frame = now, frame.wall_time
            self.is_up, self.reason = True, ""
            if frame.key.index < self.reserved:
                self._pass_on(sighting)
            else:
                self._unreserved += 1
        return True
