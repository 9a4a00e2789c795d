"""Parallel decoding: chooses the pictures to decode and the number of decoders.

GOPs are independent, so each can have a decoder and a thread of its own, which costs less than
several threads per GOP. For any number of threads the GOPs are the same and each starts with a
reset decoder, so the output does not depend on that number. The first two GOPs are always decoded
in full, to check whether the video can be cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, Self, TypeAlias

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.choices import Decode
from streamsel.frame import Picture
from streamsel.interfaces.concurrency import OrderedMap
from streamsel.sources.container.opening import ONE_THREAD, DecoderOptions
from streamsel.sources.decode.attempts import (
    FirstGopCheck,
    TroubleError,
    UnfitError,
    decode_after_previous,
    decode_and_flag,
    decode_keyframe,
    decode_keyframe_after_previous,
    decode_undamaged,
    match_timestamps,
    require_intact,
    spread_suspicion,
)
from streamsel.sources.decode.corruption import Corruption
from streamsel.sources.decode.decoders import Decoders
from streamsel.sources.decode.gate import Gate, Keyed
from streamsel.sources.decode.gops import Gop, all_of, cut
from streamsel.sources.decode.shown import DecodedFrame
from streamsel.sources.decode.timestamps import BestTimes
from streamsel.sources.decode.video_reader import VideoReader
from streamsel.sources.matrices import retag
from streamsel.sources.thumbnails.cpu import CpuThumbnailer

_SET_UP: dict[Decode, DecoderOptions] = {
    "fast": DecoderOptions(loop_filter=False),
    "reference": DecoderOptions(skip_frame="NONREF"),
}
_Part: TypeAlias = Literal["all", "key", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A GOP, the part of it to decode, and its keyframe if that is decoded already."""

    gop: Gop
    part: _Part
    key: av.VideoFrame | None = None


class ParallelDecoder:
    """Decodes one video by GOPs. Use as a context manager, which closes all further decoders.

    ``session`` was opened with ``options``, and stays open. ``open_session`` opens the video again
    for each further decoder; ``ahead`` processes the GOPs. Raises the errors of
    :class:`VideoReader`.
    """

    def __init__(
        self,
        session: VideoReader,
        open_session: Callable[[DecoderOptions], VideoReader],
        ahead: OrderedMap,
        decode: Decode,
        options: DecoderOptions,
    ) -> None:
        self._session = session
        self._open_session = open_session
        self._ahead = ahead
        self._decode = decode
        self._options = options
        self._whole = replace(options, skip_frame="DEFAULT")
        self._is_partial = options != self._whole
        self._random_access = session.random_access()
        self._decoders = Decoders(session, open_session, ahead, self._random_access, options)
        self._thumbnailers = [CpuThumbnailer() for _ in range(ahead.workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoders.close()

    def shown(self, is_wanted: Callable[[Gop], bool]) -> Generator[DecodedFrame, None, None]:
        """Yield all positions of the video in presentation order.

        Positions in unwanted GOPs, and those that the decoding mode skips, have no picture. That
        requires timestamps that predict the pictures: if the first two GOPs show that they do not,
        a single decoder decodes the whole video.
        """
        given = 0
        try:
            with closing(self._by_groups(is_wanted)) as by_groups:
                for one in by_groups:
                    given += 1
                    yield one
                return
        except UnfitError:
            pass
        with self._open_session(self._whole) as session:
            yield from islice(_plainly(session, all_of(session.packets())), given, None)

    def _by_groups(self, is_wanted: Callable[[Gop], bool]) -> Generator[DecodedFrame, None, None]:
        gops = cut(self._session.packets(), self._random_access)
        tasks: Iterator[_Task]
        if self._decode == "adaptive":
            tasks = self._gated(gops, is_wanted)
        else:
            part: _Part = "key" if self._decode == "keyframes" else "all"
            tasks = (_Task(gop, part if is_wanted(gop) else "none") for gop in gops)
        picture_bytes = self._session.picture_bytes
        return self._ahead.run(
            self._carry_out, tasks, lambda shown: 0 if shown.image is None else picture_bytes
        )

    def _gated(self, gops: Iterator[Gop], is_wanted: Callable[[Gop], bool]) -> Iterator[_Task]:
        """Decide about each GOP from its keyframe and the next one.

        Keyframes of unwanted GOPs are decoded too, because later decisions depend on them.
        """
        picture_bytes = self._session.picture_bytes
        keyed = self._ahead.run(
            self._look_at_key,
            ((gop, is_wanted(gop)) for gop in gops),
            lambda one: 0 if one.image is None else picture_bytes,
        )
        with closing(keyed):
            for one, is_busy in Gate().decide(keyed):
                part: _Part = "none" if not one.is_wanted else "all" if is_busy else "key"
                yield _Task(one.gop, part, one.image)

    def _look_at_key(self, slot: int, entry: tuple[Gop, bool]) -> Iterator[Keyed]:
        """Decode the keyframe of a GOP that starts with one, and take its grids."""
        gop, is_wanted = entry
        image = luma_grid = chroma_grid = None
        if gop.times is not None and gop.begin is not None:
            decoder = self._decoders.of(slot, ONE_THREAD, gop, "luma_grids")
            image = decode_keyframe(decoder, gop)
            if image is None:
                self._decoders.retire(decoder)
            else:
                retag(image)
                thumbnailer, picture = self._thumbnailers[slot], Picture(image)
                luma_grid = thumbnailer.luma_grid(picture)
                chroma_grid = thumbnailer.chroma_grid(picture)
        yield Keyed(gop, is_wanted, image, luma_grid, chroma_grid)

    def _carry_out(self, slot: int, task: _Task) -> Iterator[DecodedFrame]:
        """Decode the wanted part of a GOP; yield all its positions."""
        gop, part = task.gop, task.part
        if gop.is_open:
            yield from self._open_places(slot, task)
        elif gop.number == 1 or part == "all" or (part == "key" and gop.repeats):
            for one in self._places(slot, gop):
                is_kept = part == "all" or (part == "key" and one.is_random_access)
                yield one if is_kept else replace(one, image=None)
        else:
            for pts in gop.times or ():
                if part == "key" and pts == gop.begin:
                    yield self._key(slot, task)
                else:
                    yield DecodedFrame(pts, None, pts == gop.begin)

    def _places(self, slot: int, gop: Gop) -> Iterator[DecodedFrame]:
        """Decode a GOP with known timestamps: optimistically, then with error handling."""
        left = deque(gop.times or ())
        options = self._whole if gop.repeats else self._options
        is_partial = options != self._whole
        decoder = self._decoders.of(slot, self._decoders.fitting(options, gop), gop)
        try:
            images = require_intact(decode_undamaged(decoder, gop))
            yield from match_timestamps(images, left, gop, is_partial=is_partial)
            return
        except TroubleError:
            self._decoders.retire(decoder)
        with self._decoders.fresh(slot, options, gop) as decoder:
            yield from decode_after_previous(decoder, gop, left, is_partial=is_partial)

    def _key(self, slot: int, task: _Task) -> DecodedFrame:
        gop = task.gop
        if task.key is not None:
            return DecodedFrame(gop.begin, task.key, is_random_access=True)
        decoder = self._decoders.of(slot, ONE_THREAD, gop, "keys")
        image = decode_keyframe(decoder, gop)
        if image is not None:
            return DecodedFrame(gop.begin, image, is_random_access=True)
        self._decoders.retire(decoder)
        with self._decoders.fresh(slot, ONE_THREAD, gop) as decoder:
            return decode_keyframe_after_previous(decoder, gop)

    def _open_places(self, slot: int, task: _Task) -> Iterator[DecodedFrame]:
        """Decode a GOP with unknown pictures; those that are not wanted become skipped ones."""
        gop = task.gop
        is_head = gop.times is not None
        chosen: set[int | None] | None = None
        if is_head and task.part == "key" and gop.begin is not None:
            chosen = {gop.begin}
        elif is_head and self._is_partial:
            decoder = self._decoders.of(slot, self._options, gop)
            chosen = {image.pts for image, _ in decode_and_flag(decoder, gop, Corruption())}
            self._decoders.retire(decoder)
        check = FirstGopCheck(gop) if is_head else None
        for one in self._in_sequence(slot, gop):
            if check is not None:
                check.take(one)
            is_kept = chosen is None or one.pts in chosen
            yield one if is_kept else replace(one, image=None)
        if check is not None:
            check.end()

    def _in_sequence(self, slot: int, gop: Gop) -> Iterator[DecodedFrame]:
        """Yield all the pictures of a GOP in the order in which one decoder outputs them."""
        options = self._decoders.fitting(self._whole, gop)
        decoder = self._decoders.of(slot, options, gop)
        if not self._decoders.may_repeat:
            yield from _plainly(decoder, gop)
            return
        given = 0
        times = BestTimes(trusts_pts=decoder.trusts_pts)
        try:
            for image in require_intact(decode_undamaged(decoder, gop)):
                given += 1
                yield _shown(image, times, gop)
            return
        except TroubleError:
            self._decoders.retire(decoder)
        # Concealment of damage depends on the number of threads and on reused memory, so a fresh
        # decoder with one thread repeats the GOP.
        with (
            self._open_session(self._whole) as reader,
            self._decoders.fresh(slot, self._whole, gop) as decoder,
        ):
            repeated = replace(gop, packets=_packets_again(reader, gop))
            yield from islice(_plainly(decoder, repeated), given, None)


def _plainly(decoder: VideoReader, gop: Gop) -> Iterator[DecodedFrame]:
    times = BestTimes(trusts_pts=decoder.trusts_pts)
    for image, is_suspect in spread_suspicion(decode_and_flag(decoder, gop, Corruption())):
        yield _shown(image, times, gop, is_suspect=is_suspect)


def _shown(
    image: av.VideoFrame, times: BestTimes, gop: Gop, *, is_suspect: bool = False
) -> DecodedFrame:
    """Return a picture as a decoded frame, with the better of its timestamps."""
    image.pts = times.of(image.pts, image.dts)
    is_begin = gop.begin is not None and image.pts == gop.begin
    return DecodedFrame(image.pts, image, is_begin, is_suspect)


def _packets_again(reader: VideoReader, gop: Gop) -> Iterator[Packet[VideoStream]]:
    """Yield a GOP's packets again; those of an uncut rest are read from an unread session."""
    if isinstance(gop.packets, tuple):
        yield from gop.packets
        return
    for at, packet in enumerate(reader.packets()):
        if at == gop.first or at > gop.first + gop.left_out:
            yield packet


def set_up(
    decode: Decode, device: str | None = None, *, stays_there: bool = False
) -> DecoderOptions:
    """Return the decoder options for a decoding mode and a hardware type."""
    options = _SET_UP.get(decode, ONE_THREAD)
    return replace(options, device=device, stays_there=stays_there)
