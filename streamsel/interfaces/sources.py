"""Seams of sources: what a feed, live or not, must provide."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Protocol

from streamsel.decisions import Rhythm, SourceCounters
from streamsel.frame import Frame


class Source(Protocol):
    """Opens a feed and yields its frames."""

    @property
    def feed(self) -> str:
        """Name of the feed, unique within a run; safe as a folder name."""

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""

    @property
    def expected_frames(self) -> int | None:
        """Expected number of frames: exact where cheap, else an estimate; None if unknown."""

    @property
    def expected_seconds(self) -> float | None:
        """Expected media time in seconds; None if unknown."""

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames in presentation order, from index ``start``.

        Raises :class:`SourceError` if the feed cannot be opened or is lost; frames yielded before
        stay valid. Closing the generator releases all resources.
        """

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, in ascending order of index."""

    @property
    def fingerprint(self) -> str:
        """Changes when the feed's content does, as far as a cheap check can tell; may be empty."""

    def stop(self) -> None:
        """End ``frames`` or ``fetch`` at the next frame, permanently. Safe from any thread."""

    def warnings(self) -> Sequence[str]:
        """Return the problems so far that did not end the feed (damaged packets, early end)."""


class LiveSource(Protocol):
    """Connects to a feed without end, repeatedly."""

    @property
    def feed(self) -> str:
        """Name of the feed, unique within a service; safe as a folder name and MQTT topic."""

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""

    @property
    def is_push(self) -> bool:
        """Whether it is a push source: the sender connects, so waiting is no failure."""

    @property
    def rhythm(self) -> Rhythm:
        """How its pictures arrive; may change once a session is open. Safe from any thread."""

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Connect once and yield frames until the connection ends.

        The first frame has the index ``start`` and the media time ``media_time`` in seconds;
        indices count up by one, media time continues by the sender's clock. ``wall_time`` and
        ``received`` are the times of receipt. Ends by raising :class:`SourceError`, even if the
        sender ended in good order, because a live feed has no end; returns only after :meth:`stop`,
        or at the end of a file, see :attr:`rhythm`. A connection that hangs is dropped after the
        source's timeout. Closing the generator releases all resources. One thread at a time opens,
        reads and closes.
        """

    def tally(self) -> SourceCounters:
        """Return the counters so far, over all sessions. Safe from any thread."""

    def stop(self) -> None:
        """End the session at the next packet, permanently. Safe from any thread."""


class Footage(Protocol):
    """Holds the newest packets of a live feed, for clips around frames."""

    def clip(self, received: float, before: float, after: float) -> bytes:
        """Return a video file of the packets received around a moment, without re-encoding.

        ``received`` is monotonic seconds, ``before`` and ``after`` seconds around it; the clip
        starts at a keyframe. Raises :class:`SourceError` if those packets are no longer held. Safe
        from any thread.
        """
