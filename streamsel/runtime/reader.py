"""The thread of one live feed: sessions, one after another, until it is told to stop."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import closing

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.frame import Frame, Sighting
from streamsel.interfaces import LiveSource
from streamsel.runtime.failure import Captured
from streamsel.runtime.feed import LiveFeed
from streamsel.runtime.retry import Backoff

_LOG = logging.getLogger("streamsel.feeds")


class Reader:
    """Reads a feed in a thread of its own: only that thread opens, reads and closes.

    Its public fields are written by the thread and may be read by any. ``created``, ``begun`` (the
    newest session) and ``received`` (the newest frame) are monotonic seconds, ``last_frame`` is
    UTC epoch seconds; ``reason`` says why no frame has come since; ``unreserved`` frames came when
    no number was left for them; ``failure`` is what no retry can mend.
    """

    def __init__(
        self,
        feed: LiveFeed,
        pass_on: Callable[[Sighting], None],
        clock: Clock,
        backoff: Backoff,
        chance: random.Random,
    ) -> None:
        """``pass_on`` takes what the screen saw of each frame; it must not wait."""
        self._feed = feed
        self._pass_on = pass_on
        self._clock = clock
        self._backoff = backoff
        self._chance = chance
        self._stopping = threading.Event()
        self._passing = threading.Lock()
        self._source = feed.open_source()
        self._screen = feed.open_screen()
        self._origin = clock.monotonic() - feed.media_time
        self._failures = 0
        self.next_index = feed.start
        self.reserved = feed.reserved
        self.unreserved = 0
        self.sessions = 0
        self.is_open = False
        self.created = self.begun = clock.monotonic()
        self.received: float | None = None
        self.last_frame: float | None = None
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
        return self._clock.monotonic() - self._origin

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
        self.sessions += 1
        self.begun, self.is_open, had = self._clock.monotonic(), True, self.next_index
        try:
            with closing(self._source.session(self.next_index, self.media_time)) as frames:
                for frame in frames:
                    if self._stopping.is_set():
                        return
                    self._look(frame)
        except SourceError as error:
            self.reason = str(error)
            if not self._stopping.is_set():
                _LOG.warning("%s", error)
        finally:
            self.is_open = False
        self._failures = 1 if self.next_index > had else self._failures + 1
        self._stopping.wait(self._backoff.delay(self._failures, self._chance))

    def _look(self, frame: Frame) -> None:
        sighting = self._screen.look(frame)
        if sighting.refusal is not None:
            frame.picture.drop()
        with self._passing:
            if self._stopping.is_set():
                return
            self.next_index = frame.key.index + 1
            self.received, self.last_frame = frame.received, frame.wall_time
            self.reason = ""
            if frame.key.index < self.reserved:
                self._pass_on(sighting)
            else:
                self.unreserved += 1
