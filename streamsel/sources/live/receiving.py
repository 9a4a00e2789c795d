"""Live sources that are sent pictures: frames of a session, numbered and timed over all of them."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from dataclasses import replace

import av

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey
from streamsel.sources.decode.corruption import Suspicion
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.shown import as_shown
from streamsel.sources.decode.timestamps import DISCONTINUOUS_STEP, ArrivalTimeline, Timeline
from streamsel.sources.decode.video import Video
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.counted import CountedSource
from streamsel.sources.matrices import replaced

_LOG = logging.getLogger("streamsel.feeds")


class ReceivingSource(CountedSource):
    """A live feed of pictures that a sender makes, with the options of a live feed.

    Indices count the frames that are processed. Times continue by the sender's clock from the start
    of a session; steps back and jumps are bridged.
    """

    def __init__(self, feed: str, location: str, options: LiveOptions, clock: Clock) -> None:
        super().__init__(feed, location)
        self._options = options
        self._clock = clock

    def _frames(
        self,
        video: Video,
        images: Iterable[av.VideoFrame],
        start: int,
        media_time: float,
        suspicion: Suspicion | None = None,
    ) -> Generator[Frame, None, None]:
        """Yield the frames to process of one session; ``start`` and ``media_time`` are its first's.

        Applies the filter chain and the frame rate of the options. Raises what ``images`` raises,
        and :class:`SourceError` where the filter chain ends the session.
        """
        interval = 1 / video.rate if video.rate else None
        chooser = Sampling(fps=self._options.fps).chooser(interval)
        reading = FrameReader(self._feed, self._where, video, self._options.filters)
        index, has_warned = start, False
        for frame in reading.frames(map(as_shown, images)):
            is_suspect = suspicion is not None and suspicion.take()
            if reading.matrix is not None and not has_warned:
                has_warned = True
                _LOG.warning("%s: %s", self._where, replaced(reading.matrix))
            if self._stopped.is_set():
                return
            if chooser.wants(frame.media_time):
                yield as_received(frame, index, media_time, self._clock, is_suspect=is_suspect)
                index += 1
        if reading.is_cut_short and not self._stopped.is_set():
            raise SourceError(
                f"{self._where}: its filter chain lets nothing more pass; see trim in it"
            )

    def _masked(self, images: Iterable[av.VideoFrame]) -> Iterable[av.VideoFrame]:
        """Apply the privacy masks to decoded pictures."""
        areas = self._options.areas
        return images if areas is None else map(areas.cover(self._where).hide, images)


class UntimedVideo(Video):
    """Pictures without any declaration, timed by arrival."""

    keeps_time = False

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def timeline(self) -> Timeline:
        """Return a new timeline."""
        return ArrivalTimeline(None, DISCONTINUOUS_STEP, self._clock)


def as_received(
    frame: Frame, index: int, media_time: float, clock: Clock, *, is_suspect: bool
) -> Frame:
    """A frame of a session in its place of the feed: it came now, and the session began then."""
    return replace(
        frame,
        key=FrameKey(frame.key.feed, index),
        media_time=media_time + frame.media_time,
        wall_time=clock.wall(),
        received=clock.monotonic(),
        corrupt=frame.corrupt or is_suspect,
    )
