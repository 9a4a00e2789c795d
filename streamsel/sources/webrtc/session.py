"""A session of a WebRTC feed: the pictures of one sender."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction

import av

from streamsel.frame import Frame
from streamsel.sources.decode.corruption import Suspicion
from streamsel.sources.decode.video import Video
from streamsel.sources.live.receiving import ReceivingSource
from streamsel.sources.webrtc.reception import Reception

_LOOK_SECONDS = 1.0
_CLOCK_RATE = 90_000  # of all video over RTP


class PeerSource(ReceivingSource):
    """A live feed of pictures that come by WebRTC."""

    def _session(
        self, reception: Reception, start: int, media_time: float
    ) -> Generator[Frame, None, None]:
        """Count and yield the frames to process, until the sender's end."""
        suspicion = Suspicion()
        pictures = self._masked(_pictures(reception, suspicion))
        with self._counting(reception.counters):
            yield from self._frames(_PeerVideo(), pictures, start, media_time, suspicion)


class _PeerVideo(Video):
    """The video of one sender: without declarations, with a clock that may jump."""

    keeps_time = False
    time_base = Fraction(1, _CLOCK_RATE)


def _pictures(reception: Reception, suspicion: Suspicion) -> Iterator[av.VideoFrame]:
    """Yield the received pictures; those that may show a loss are noted."""
    while True:
        received = reception.take(_LOOK_SECONDS)
        if received is not None:
            suspicion.add(received.is_suspect)
            yield received.image
        elif reception.ended is not None:
            return
