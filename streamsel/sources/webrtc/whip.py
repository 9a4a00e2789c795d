"""The source of a WHIP feed: a push source, waits for its sender."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.libav import ends_as_source_error
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.reception import Reception
from streamsel.sources.webrtc.session import PeerSource

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


class WhipSource(PeerSource):
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
        super().__init__(feed, ADDRESS, options, clock)
        self._post = post
        self._withdraw = withdraw
        self._reception: Reception | None = None

    @property
    def is_push(self) -> bool:
        """True: its senders connect to it."""
        return True

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Wait for a sender and yield its frames; see ``interfaces.sources.LiveSource``."""
        if self._stopped.is_set():
            return
        where = self._where
        reception = self._reception = self._post.take(self._options.open_timeout)
        if self._stopped.is_set():
            return
        if reception is None:
            raise SourceError(f"{where}: no one sends to /whip/{self._feed}")
        try:
            yield from self._session(reception, start, media_time)
        finally:
            reception.end("it is not read any more")
        if not self._stopped.is_set():
            raise SourceError(f"{where}: {reception.ended}")

    def stop(self) -> None:
        """End the session permanently, and accept no more senders. Safe from any thread."""
        super().stop()
        self._withdraw()
        if (reception := self._reception) is not None:
            reception.end("the feed is not read any more")
