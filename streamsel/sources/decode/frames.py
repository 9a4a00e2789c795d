"""Converts decoded pictures to frames: numbered, timed and upright."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import count

import av

from streamsel.errors import UnreadableError
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.sources.container.seek_index import SeekIndex
from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.orientation import UPRIGHT, Orientation, Turning
from streamsel.sources.decode.shown import DecodedFrame
from streamsel.sources.decode.timestamps import CONTINUOUS_STEP, Timeline
from streamsel.sources.decode.video import Video
from streamsel.sources.matrices import replaced, retag

_EARLY_SECONDS = 0.5
_EARLY_FRAMES = 10
_EARLY_SHARE = 0.02


class FrameReader:
    """Numbers and times the pictures of one session, and collects its warnings.

    ``where`` names the feed and its address, and is the prefix of messages. ``matrix`` is the first
    colour matrix that had to be replaced; None so far.
    """

    def __init__(
        self,
        feed: str,
        where: str,
        session: Video,
        filters: str | None,
        *,
        is_provisional: bool = False,
        began: float | None = None,
    ) -> None:
        """``is_provisional``: kept pictures must be decoded again, in full quality.

        ``began`` is the start of the recording by its metadata, UTC epoch seconds; None if unknown.
        """
        self._feed = feed
        self._where = where
        self._session = session
        self._is_provisional = is_provisional
        self._began = began
        self._chain: FilterChain | None = None
        if filters is not None:
            self._chain = FilterChain(
                filters,
                rate=session.frame_rate,
                pixel_aspect=session.pixel_aspect,
                overruling_aspect=session.overruling_aspect,
            )
        self._timeline = session.timeline()
        self._filtered = Timeline(session.rate, CONTINUOUS_STEP)
        self._filtered_from: int | None = None
        self._turning = _Turning(session.overruling_aspect)
        self._places = self._pictures = 0
        self._last_time = 0.0
        self.matrix: int | None = None
        self._late = 0.0  # seconds from the container's start to the first picture
        self._is_suspect = False  # of the picture that is being converted

    def frames(
        self, shown: Iterable[DecodedFrame], seek_index: SeekIndex | None = None
    ) -> Iterator[Frame]:
        """Yield the frames of a whole video, or those that the filter chain outputs.

        ``shown`` starts at the video's first frame. A skipped picture consumes an index and a media
        time, but yields no frame. Without a filter chain, positions that ``seek_index`` lacks are
        added to it.
        """
        indices = count()
        for one in shown:
            media_time = self._timeline.stamp(one.pts, self._session.time_base)
            if self._places == 0 and one.pts is not None:
                begins = self._session.start_pts
                missed = 0 if begins is None else max(0, one.pts - begins)
                self._late = float(missed * self._session.time_base)
            self._places += 1
            self._last_time = media_time
            index = next(indices) if self._chain is None else 0
            if seek_index is not None and self._chain is None and index == len(seek_index):
                # A provisional picture differs from the one that is decoded again: no checksum.
                seen = None if self._is_provisional else one.image
                seek_index.add(one.pts, media_time, one.is_random_access, seen)
            if one.image is None:
                continue
            self._pictures += 1
            self._retag(one.image)
            if self._chain is None:
                yield self.frame(index, one.image, media_time, is_suspect=one.is_suspect)
                continue
            self._is_suspect = one.is_suspect
            yield from self._filtered_frames(one.image, media_time, indices)
            if self._chain.finished:
                return
        if self._chain is not None:
            for filtered in self._chain.drain():
                yield self._filtered_frame(next(indices), filtered)

    def _filtered_frames(
        self, image: av.VideoFrame, media_time: float, indices: Iterator[int]
    ) -> Iterator[Frame]:
        """Yield the frames that the filter chain outputs for a picture."""
        chain = self._chain
        if chain is None:
            return
        time_base = image.time_base or self._session.time_base
        if self._filtered_from is None:
            self._filtered_from = (image.pts or 0) if self._session.keeps_time else 0
        # Filters get timestamps without the jumps of the sender's clock.
        image.pts = self._filtered_from + round(media_time / time_base)
        for filtered in chain.apply(image, time_base, self._turning.of(image)):
            yield self._filtered_frame(next(indices), filtered)

    @property
    def ends(self) -> float:
        """End of the last position so far, in seconds of media time."""
        return self._last_time + float(self._timeline.interval)

    @property
    def is_cut_short(self) -> bool:
        """Whether the filter chain ended the stream before the video's end."""
        return self._chain is not None and self._chain.finished

    def frame(
        self, index: int, image: av.VideoFrame, media_time: float, *, is_suspect: bool = False
    ) -> Frame:
        """Convert a decoded picture to a frame, without the filter chain."""
        self._retag(image)
        time_base = image.time_base or self._session.time_base
        orientation = self._turning.of(image)
        aspect = self._session.overruling_aspect
        if orientation.mirrored:
            image = self._turning.unmirror(image, time_base, orientation)
            orientation, aspect = UPRIGHT, None
        self._is_suspect = is_suspect
        return self._frame(index, image, time_base, media_time, orientation, aspect)

    def _retag(self, image: av.VideoFrame) -> None:
        matrix = retag(image)
        self.matrix = matrix if self.matrix is None else self.matrix

    def _filtered_frame(self, index: int, image: av.VideoFrame) -> Frame:
        time_base = image.time_base or self._session.time_base
        media_time = self._filtered.stamp(image.pts, time_base)
        return self._frame(index, image, time_base, media_time, UPRIGHT)

    def _frame(
        self,
        index: int,
        image: av.VideoFrame,
        time_base: Fraction,
        media_time: float,
        orientation: Orientation,
        pixel_aspect: Fraction | None = None,
    ) -> Frame:
        width, height = orientation.upright(image.width, image.height)
        return Frame(
            key=FrameKey(self._feed, index),
            pts=image.pts,
            time_base=time_base,
            media_time=media_time,
            width=width,
            height=height,
            picture=Picture(
                image,
                orientation.rotation,
                pixel_aspect=pixel_aspect,
                is_provisional=self._is_provisional,
            ),
            corrupt=image.is_corrupt or self._is_suspect,
            recorded=None if self._began is None else self._began + media_time,
        )

    def require_pictures(self) -> None:
        """Raise :class:`UnreadableError` if nothing could be decoded. Call at the video's end."""
        if self._pictures or (self._places and not self._session.damaged):
            return
        if self._session.damaged:
            raise UnreadableError(
                f"{self._where}: no picture could be decoded ({self._session.damage});"
                " check that it plays elsewhere"
            )
        raise UnreadableError(f"{self._where}: contains no picture; check that it plays elsewhere")

    def warnings(self, *, at_end: bool) -> tuple[str, ...]:
        """Return the warnings so far; ``at_end``: the video was read to its end."""
        session, timeline = self._session, self._timeline
        found = []
        if session.decoded_in_software_because:
            found.append(f"decoded in software: {session.decoded_in_software_because}")
        if self.matrix is not None:
            found.append(replaced(self.matrix))
        if session.has_unread_alpha:
            found.append("its alpha is not read (VP8 and VP9 store it apart); pictures are opaque")
        if session.damaged:
            found.append(
                f"{_counted(session.damaged, 'damaged packet')} skipped ({session.damage})"
            )
        if timeline.jumps:
            found.append(
                f"{_counted(timeline.jumps, 'jump')} in its timestamps; media time"
                " continues without the gaps"
            )
        if timeline.missing and timeline.missing == self._places:
            rate = float(1 / timeline.interval)
            found.append(f"no timestamps; assuming {rate:g} frames per second")
        elif timeline.missing:
            found.append(
                f"{_counted(timeline.missing, 'frame')} without a timestamp; media"
                " times were estimated"
            )
        if at_end and (shortfall := self._shortfall()) is not None:
            found.append(f"{shortfall}; it may be truncated")
        return tuple(f"{self._where}: {text}" for text in found)

    def _shortfall(self) -> str | None:
        """Describe a difference from the container's length; None if it is small or unknown."""
        seconds, frames = self._session.declared_seconds, self._session.declared_frames
        ends = self._late + self.ends
        if seconds is not None and seconds - ends > max(_EARLY_SECONDS, _EARLY_SHARE * seconds):
            return f"ends at {ends:.1f} s of {seconds:.1f} s"
        if frames is not None and not self._session.has_edits:
            there = max(self._places, self._pictures + self._session.damaged)
            if frames - there > max(_EARLY_FRAMES, _EARLY_SHARE * frames):
                return f"holds {self._pictures} of {frames} frames"
        return None


class _Turning(Turning):
    """Makes mirrored pictures upright."""

    def __init__(self, overruling_aspect: Fraction | None) -> None:
        super().__init__()
        self._overruling_aspect = overruling_aspect
        self._chain: FilterChain | None = None

    def unmirror(
        self, image: av.VideoFrame, time_base: Fraction, orientation: Orientation
    ) -> av.VideoFrame:
        """Return the picture rotated and mirrored upright."""
        self._chain = self._chain or FilterChain("null", overruling_aspect=self._overruling_aspect)
        (upright,) = self._chain.apply(image, time_base, orientation)
        return upright


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
