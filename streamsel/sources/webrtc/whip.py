"""The source of a WHIP feed: a push source, waits for its sender."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

from streamsel.clock import Clock
from streamsel.decisions import Rhythm, SourceCounters
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.libav import ends_as_source_error
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.reception import Reception
from streamsel.sources.webrtc.session import Counting, frames_of

ADDRESS = "whip"
"""The source of a push feed that waits for a WebRTC sender."""


class Post:
    """Hands the newest sender's pictures to the feed's reader. Thread-safe."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._newest: Reception | None = None
        self._is_over = False

    def hand_over(self, reception: Reception) -> None:
        """Set the newest sender; an earlier one has been ended already."""
        with self._change:
            if self._is_over:
                reception.end("the feed is not read any more")
                return
            self._newest = reception
            self._change.notify_all()

    def take(self, within: float) -> Reception | None:
        """Return the newest sender's pictures once; None on timeout or after the end."""
        with self._change:
            self._change.wait_for(lambda: self._newest is not None or self._is_over, within)
            newest, self._newest = self._newest, None
            return newest

    def end(self, reason: str) -> None:
        """Stop waiting, and discard a sender that was not taken yet."""
        with self._change:
            self._is_over = True
            if self._newest is not None:
                self._newest.end(reason)
            self._change.notify_all()


class WhipSource:
    """Receives video from WebRTC senders, one at a time; a ``LiveSource``."""

    def __init__(
        self,
        feed: str,
        options: LiveOptions,
        clock: Clock,
        post: Post,
        withdraw: Callable[[], None],
    ) -> None:
        """``withdraw`` is called on stop: no sender is accepted for it any more."""
        self._feed = feed
        self._options = options
        self._clock = clock
        self._post = post
        self._withdraw = withdraw
        self._counting = Counting()
        self._reception: Reception | None = None
        self._stopped = False

    @property
    def feed(self) -> str:
        """Unique name of the feed within a service."""
        return self._feed

    @property
    def address(self) -> str:
        """The address ``whip``: any sender."""
        return ADDRESS

    @property
    def is_push(self) -> bool:
        """True: its senders connect to it."""
        return True

    @property
    def rhythm(self) -> Rhythm:
        """Pictures arrive as they are taken; late ones were dropped."""
        return Rhythm()

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Wait for a sender and yield its frames; see ``interfaces.sources.LiveSource``."""
        if self._stopped:
            return
        where = f"feed '{self._feed}': {ADDRESS}"
        reception = self._reception = self._post.take(self._options.open_timeout)
        if self._stopped:
            return
        if reception is None:
            raise SourceError(f"{where}: no one sends to /whip/{self._feed}")
        self._counting.begin(reception)
        try:
            yield from frames_of(
                reception, self._feed, where, self._options, self._clock, start, media_time
            )
        finally:
            reception.end("it is not read any more")
            self._counting.finish()
        if not self._stopped:
            raise SourceError(f"{where}: {reception.ended}")

    def tally(self) -> SourceCounters:
        """Return the counters so far, over all sessions. Safe from any thread."""
        return self._counting.tally()

    def stop(self) -> None:
        """End the session permanently, and accept no more senders. Safe from any thread."""
        self._stopped = True
        self._withdraw()
        if (reception := self._reception) is not None:
            reception.end("the feed is not read any more")
