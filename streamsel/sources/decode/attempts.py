"""Decodes one GOP: optimistically first, and again with error handling after the first error.

The first attempt starts at the GOP's keyframe and continues while there is no error, no damaged
picture, and exactly one picture per timestamp, in order. At the first deviation a second decoder
takes over, which has decoded the previous GOP too: decoders conceal damage with earlier pictures.
So the result depends only on the packets of two GOPs, not on the number of decoders or on where
reading started.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

import av
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.corruption import Corruption
from streamsel.sources.decode.gops import Gop
from streamsel.sources.decode.shown import DecodedFrame
from streamsel.sources.decode.video_reader import VideoReader

_MOST_HELD = 16
"""Maximum number of pictures shown before one that they depend on."""


class TroubleError(Exception):
    """A GOP has errors, or its pictures do not match its packets."""


class UnfitError(Exception):
    """Pictures do not match the packets of an undamaged GOP: this video must not be cut."""


def decode_undamaged(decoder: VideoReader, gop: Gop) -> Iterator[av.VideoFrame]:
    """Yield a GOP's pictures; raise :class:`TroubleError` at the first error."""
    failures = decoder.failures
    for images in _decoded(decoder, gop):
        if decoder.failures != failures:
            raise TroubleError
        for image in images:
            if gop.shows(image.pts):
                yield image


def spread_suspicion(
    images: Iterable[tuple[av.VideoFrame, bool]],
) -> Iterator[tuple[av.VideoFrame, bool]]:
    """Extend suspicion to the pictures shown before a suspect one that they depend on.

    Pictures come in presentation order, each with whether it is suspect. B-pictures are held until
    the next picture that is none, at most 16, and share its suspicion.
    """
    held: deque[tuple[av.VideoFrame, bool]] = deque()
    for image, is_suspect in images:
        held.append((image, is_suspect))
        if image.pict_type == PictureType.B and len(held) < _MOST_HELD:
            continue
        is_any = any(suspect for _, suspect in held)
        while held:
            earlier, _ = held.popleft()
            yield earlier, is_any
    is_any = any(suspect for _, suspect in held)
    while held:
        earlier, _ = held.popleft()
        yield earlier, is_any


def require_intact(images: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield undamaged pictures; raise :class:`TroubleError` at the first corrupt one."""
    for image, is_corrupt in spread_suspicion((image, image.is_corrupt) for image in images):
        if is_corrupt:
            raise TroubleError
        yield image


def match_timestamps(
    images: Iterable[av.VideoFrame], left: deque[int], gop: Gop, *, is_partial: bool
) -> Iterator[DecodedFrame]:
    """Match pictures with the expected timestamps ``left``, which are consumed.

    With ``is_partial`` pictures may be missing; a skipped timestamp yields a frame without a
    picture. Raises :class:`TroubleError` for a picture that matches no timestamp, and for a missing
    one otherwise.
    """
    for image in images:
        while is_partial and left and image.pts is not None and left[0] < image.pts:
            yield DecodedFrame(passed := left.popleft(), None, passed == gop.begin)
        if not left or image.pts != left[0]:
            raise TroubleError
        left.popleft()
        yield DecodedFrame(image.pts, image, image.pts == gop.begin)
    if left and not is_partial:
        raise TroubleError
    while left:
        yield DecodedFrame(passed := left.popleft(), None, passed == gop.begin)


def decode_after_previous(
    decoder: VideoReader, gop: Gop, left: deque[int], *, is_partial: bool
) -> Iterator[DecodedFrame]:
    """Decode the previous GOP and then this one; yield a frame per timestamp in ``left``.

    A picture without a matching timestamp is dropped; a timestamp without a picture yields a frame
    without one. Raises :class:`UnfitError` if pictures are missing from GOP 1, although all were
    requested and nothing is damaged.
    """
    corruption = Corruption()
    for packet in gop.before:
        _decode(decoder, packet, corruption, is_quiet=True)
    is_damaged = corruption.is_open
    for image, is_suspect in spread_suspicion(decode_and_flag(decoder, gop, corruption)):
        is_damaged |= is_suspect
        if not left or image.pts is None or image.pts < left[0]:
            continue
        while left and left[0] < image.pts:
            _require_fit(gop, is_excused=is_partial or is_damaged)
            yield DecodedFrame(lost := left.popleft(), None, lost == gop.begin)
        if left and left[0] == image.pts:
            left.popleft()
            yield DecodedFrame(image.pts, image, image.pts == gop.begin, is_suspect)
    while left:
        _require_fit(gop, is_excused=is_partial or is_damaged or corruption.is_open)
        yield DecodedFrame(lost := left.popleft(), None, lost == gop.begin)


def decode_and_flag(
    decoder: VideoReader, gop: Gop, corruption: Corruption
) -> Iterator[tuple[av.VideoFrame, bool]]:
    """Yield all pictures that decode, and whether each may show damage; never raises for damage."""
    # Undecoded areas show the memory that the decoder reuses. With copies that no longer depends on
    # how long consumers hold pictures.
    copier = decoder.copier
    decoder.copier = copier or Copier()
    try:
        for packet in gop.packets:
            for image in _decode(decoder, packet, corruption):
                if gop.shows(image.pts):
                    yield image, corruption.covers(image)
        for packet in gop.tail:
            for image in _decode(decoder, packet, corruption, is_quiet=True):
                if gop.shows(image.pts):
                    yield image, corruption.covers(image)
        for image in decoder.drain(is_quiet=True):
            if gop.shows(image.pts):
                yield image, corruption.covers(image)
    finally:
        decoder.copier = copier


class FirstGopCheck:
    """Compares the pictures of a video's first GOP with the timestamps of its packets.

    Pictures shown before the first keyframe may be missing, because they may depend on packets
    before the video's start. Raises :class:`UnfitError` for any other difference, up to the first
    suspect picture.
    """

    def __init__(self, gop: Gop) -> None:
        self._begin = gop.begin
        self._left = deque(gop.times or ())
        # A first GOP without a keyframe cannot be compared; an only GOP need not be.
        self._is_over = gop.begin is None or gop.end is None

    def take(self, one: DecodedFrame) -> None:
        """Compare the next picture."""
        self._is_over |= one.is_suspect
        if self._is_over or self._begin is None:
            return
        while self._left and self._left[0] != one.pts and self._left[0] < self._begin:
            self._left.popleft()
        if not self._left or self._left.popleft() != one.pts:
            raise UnfitError

    def end(self) -> None:
        """Compare the end: no picture may be missing."""
        if self._left and not self._is_over:
            raise UnfitError


def decode_keyframe(decoder: VideoReader, gop: Gop) -> av.VideoFrame | None:
    """Decode only a GOP's first packet and return its picture.

    None unless it decodes to exactly one intact picture with the expected timestamp.
    """
    failures = decoder.failures
    first = next(iter(gop.packets))
    images = [*decoder.decode(first, is_quiet=True), *decoder.drain(is_quiet=True)]
    is_whole = decoder.failures == failures and not first.is_corrupt
    if not is_whole or len(images) != 1 or images[0].is_corrupt:
        return None
    return images[0] if images[0].pts == gop.begin else None


def decode_keyframe_after_previous(decoder: VideoReader, gop: Gop) -> DecodedFrame:
    """Decode a GOP's first packet after the previous GOP.

    The returned frame has no picture if none decodes.
    """
    for packet in gop.before:
        decoder.decode(packet, is_quiet=True)
    failures = decoder.failures
    first = next(iter(gop.packets))
    images = [*decoder.decode(first), *decoder.drain(is_quiet=True)]
    key = next((image for image in images if image.pts == gop.begin), None)
    is_suspect = first.is_corrupt or decoder.failures != failures
    return DecodedFrame(gop.begin, key, is_random_access=True, is_suspect=is_suspect)


def _decoded(decoder: VideoReader, gop: Gop) -> Iterator[list[av.VideoFrame]]:
    for packet in chain(gop.packets, gop.tail):
        if packet.is_corrupt:
            raise TroubleError
        yield decoder.decode(packet, is_quiet=True)
    yield decoder.drain(is_quiet=True)


def _decode(
    decoder: VideoReader,
    packet: Packet[VideoStream],
    corruption: Corruption,
    *,
    is_quiet: bool = False,
) -> list[av.VideoFrame]:
    failures = decoder.failures
    corruption.check(packet)
    images = decoder.decode(packet, is_quiet=is_quiet)
    if decoder.failures != failures:
        corruption.begin()
    return images


def _require_fit(gop: Gop, *, is_excused: bool) -> None:
    if gop.number == 1 and not is_excused:
        raise UnfitError
