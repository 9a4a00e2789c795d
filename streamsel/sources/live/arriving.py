"""Frames of pictures that come without timestamps: timed by when they arrive."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from fractions import Fraction

import av

from streamsel.clock import Clock
from streamsel.frame import Frame
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.shown import as_shown
from streamsel.sources.decode.timestamps import DISCONTINUOUS_STEP, ArrivalTimeline, Timeline
from streamsel.sources.decode.video_reader import Damage, VideoReader
from streamsel.sources.live.camera import as_received, warn
from streamsel.sources.live.connection import LiveOptions


def arriving_frames(
    feed: str,
    where: str,
    pictures: Iterable[av.VideoFrame],
    options: LiveOptions,
    clock: Clock,
    start: int,
    media_time: float,
) -> Generator[Frame, None, None]:
    """Yield the frames of one session; ``start`` and ``media_time`` are those of its first frame.

    Applies the filter chain and the frame rate of ``options``. ``where`` names the feed in
    messages. Raises what ``pictures`` raises.
    """
    chooser = Sampling(fps=options.fps).chooser()
    reading = FrameReader(feed, where, _Untimed(clock), options.filters)
    index, warned = start, False
    for frame in reading.frames(map(as_shown, pictures)):
        warned = warn(where, reading, warned)
        if chooser.wants(frame.media_time):
            yield as_received(frame, index, media_time, clock, is_suspect=False)
            index += 1


class _Untimed(VideoReader):
    """Pictures without any declaration, timed by arrival."""

    keeps_time = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._damage = Damage()
        self.has_unread_alpha = False
        self.time_base = Fraction(1, 25)
        self.rate = self.frame_rate = self.pixel_aspect = self.overruling_aspect = None

    def timeline(self) -> Timeline:
        """Return a new timeline."""
        return ArrivalTimeline(None, DISCONTINUOUS_STEP, self._clock)
