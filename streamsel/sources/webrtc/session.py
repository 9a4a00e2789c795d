"""A session of a WebRTC feed: pictures to frames, and counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av

from streamsel.clock import Clock
from streamsel.decisions import SourceCounters
from streamsel.frame import Frame
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.shown import as_shown
from streamsel.sources.decode.timestamps import DISCONTINUOUS_STEP, Timeline
from streamsel.sources.decode.video_reader import Damage, VideoReader
from streamsel.sources.live.camera import as_received, warn
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.reception import Reception

_LOOK_SECONDS = 1.0
_CLOCK_RATE = 90_000  # of all video over RTP


class PeerSession(VideoReader):
    """The video of one sender: without declarations, with a clock that may jump."""

    keeps_time = False

    def __init__(self) -> None:
        self._damage = Damage()
        self.has_unread_alpha = False
        self.rate = self.frame_rate = self.pixel_aspect = self.overruling_aspect = None
        self.time_base = Fraction(1, _CLOCK_RATE)

    def timeline(self) -> Timeline:
        """Return a new timeline."""
        return Timeline(None, DISCONTINUOUS_STEP)


class Counting:
    """Counters over all sessions. Started and finished by one thread, read by any."""

    def __init__(self) -> None:
        # One value, so that readers see both of its parts or neither.
        self._state: tuple[SourceCounters, Reception | None] = (SourceCounters(), None)

    def begin(self, reception: Reception) -> None:
        """Include the counters of a new session."""
        self._state = self.tally(), reception

    def finish(self) -> None:
        """Freeze the counters of the session."""
        self._state = self.tally(), None

    def tally(self) -> SourceCounters:
        """Return the total counters."""
        before, reception = self._state
        if reception is None:
            return before
        return SourceCounters(
            before.received + reception.received,
            before.decoded + reception.decoded,
            before.damaged + reception.damaged,
        )


def frames_of(
    reception: Reception,
    feed: str,
    where: str,
    options: LiveOptions,
    clock: Clock,
    start: int,
    media_time: float,
) -> Iterator[Frame]:
    """Yield the frames to process, until the sender's end.

    The first frame has the index ``start`` and the time ``media_time``, which continues by the
    sender's clock.
    """
    chooser = Sampling(fps=options.fps).chooser()
    reading = FrameReader(feed, where, PeerSession(), options.filters)
    pictures = _Pictures(reception)
    shown: Iterable[av.VideoFrame] = pictures
    if options.areas is not None:
        shown = map(options.areas.cover(where).hide, pictures)
    index, warned = start, False
    for frame in reading.frames(map(as_shown, shown)):
        warned = warn(where, reading, warned)
        if chooser.wants(frame.media_time):
            is_suspect = pictures.take_suspicion()
            yield as_received(frame, index, media_time, clock, is_suspect=is_suspect)
            index += 1


class _Pictures:
    """The received pictures; remembers whether a recent one may show a loss."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._is_suspect = False

    def __iter__(self) -> Iterator[av.VideoFrame]:
        while True:
            received = self._reception.take(_LOOK_SECONDS)
            if received is not None:
                self._is_suspect |= received.is_suspect
                yield received.image
            elif self._reception.ended is not None:
                return

    def take_suspicion(self) -> bool:
        """Whether a picture received since the last call may show a loss."""
        is_suspect, self._is_suspect = self._is_suspect, False
        return is_suspect
