"""Which pictures of a video are decoded, and by how many decoders at once.

A group of pictures needs no other, so each can have a decoder and a thread of its own, which costs
less than several threads that share one. Groups are cut the same way and each begins with a fresh
decoder however many there are, so what comes out does not depend on that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Self, TypeAlias

import av

from streamsel.frame import Picture
from streamsel.interfaces import Ahead
from streamsel.sources.decode import Session
from streamsel.sources.eye import Eye
from streamsel.sources.gate import Gate, Keyed
from streamsel.sources.groups import PictureGroup, cut
from streamsel.sources.matrices import retag
from streamsel.sources.opening import ONE_THREAD, DecoderOptions

Decode: TypeAlias = Literal["all", "fast", "reference", "keyframes", "adaptive"]
"""Every frame; every frame, without the loop filter; the frames that others refer to; keyframes;
every frame of the groups in which something happens, and the keyframes of the others."""

_SET_UP: dict[Decode, DecoderOptions] = {
    "fast": DecoderOptions(loop_filter=False),
    "reference": DecoderOptions(skip_frame="NONREF"),
}
_Part: TypeAlias = Literal["all", "key", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture in its place, or the place alone where the picture was passed over.

    ``pts`` is in units of the session's time base. ``is_entry``: decoding can begin here.
    """

    pts: int | None
    image: av.VideoFrame | None
    is_entry: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A group, what of it is wanted, and the keyframe where it has been decoded already."""

    group: PictureGroup
    part: _Part
    key: av.VideoFrame | None = None


class Decoding:
    """Decodes one video by groups of pictures. Use as a context manager.

    ``session`` was opened with ``options``; ``open_session`` opens the video once more, for each
    further decoder. ``ahead`` says how many there may be. Raises :class:`SourceError` as a
    :class:`Session` does.
    """

    def __init__(
        self,
        session: Session,
        open_session: Callable[[DecoderOptions], Session],
        ahead: Ahead,
        decode: Decode,
        options: DecoderOptions,
    ) -> None:
        self._session = session
        self._open_session = open_session
        self._ahead = ahead
        self._decode = decode
        self._options = options
        self._stack = ExitStack()
        self._decoders: dict[tuple[int, DecoderOptions, str], Session] = {}
        self._eyes = [Eye() for _ in range(ahead.workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def shown(self, is_wanted: Callable[[PictureGroup], bool]) -> Generator[Shown, None, None]:
        """Go through the video to its end, in presentation order.

        Groups that are not wanted, and what the way of decoding leaves out, are passed over; but
        only where timestamps tell what there is.
        """
        groups = cut(self._session.packets(), self._session.entries())
        tasks: Iterator[_Task]
        if self._decode == "adaptive":
            tasks = self._gated(groups, is_wanted)
        else:
            part: _Part = "key" if self._decode == "keyframes" else "all"
            tasks = (_task(group, part if is_wanted(group) else "none") for group in groups)
        picture_bytes = self._session.picture_bytes
        return self._ahead.run(
            self._carry_out, tasks, lambda shown: 0 if shown.image is None else picture_bytes
        )

    def _gated(
        self, groups: Iterator[PictureGroup], is_wanted: Callable[[PictureGroup], bool]
    ) -> Iterator[_Task]:
        """Decide about each group once its own keyframe and the next one's have been looked at.

        Those of unwanted groups are looked at too: what follows is decided by what was before.
        """
        picture_bytes = self._session.picture_bytes
        keyed = self._ahead.run(
            self._look_at_key,
            ((group, is_wanted(group)) for group in groups),
            lambda one: 0 if one.image is None else picture_bytes,
        )
        with closing(keyed):
            for one, is_busy in Gate().decide(keyed):
                part: _Part = "none" if not one.is_wanted else "all" if is_busy else "key"
                yield _task(one.group, part, one.image)

    def _look_at_key(self, slot: int, asked: tuple[PictureGroup, bool]) -> Iterator[Keyed]:
        """Decode a group's keyframe, where it may be decoded in part."""
        group, is_wanted = asked
        image = sketch = None
        if _task(group, "key").part == "key":
            image = self._key_of(group, self._decoder(slot, ONE_THREAD, "keys"))
            if image is not None:
                retag(image)
                sketch = self._eyes[slot].sketch(Picture(image))
        yield Keyed(group, is_wanted, image, sketch)

    def _carry_out(self, slot: int, task: _Task) -> Iterator[Shown]:
        """Decode what is wanted of a group; yield all its places."""
        group = task.group
        images: Iterable[av.VideoFrame] = ()
        if task.part == "key":
            key = task.key or self._key_of(group, self._decoder(slot, ONE_THREAD, "keys"))
            images = () if key is None else (key,)
        elif task.part == "all":
            images = self._images(group, self._decoder_for(slot, group))
        if group.times is None:
            for image in images:
                yield as_shown(image)
            return
        left = deque(group.times)
        for image in images:
            while left and image.pts is not None and left[0] < image.pts:
                yield Shown(passed := left.popleft(), None, passed == group.begin)
            if left and left[0] == image.pts:
                left.popleft()
            yield Shown(image.pts, image, image.pts == group.begin)
        for pts in left:
            yield Shown(pts, None, pts == group.begin)

    def _images(self, group: PictureGroup, decoder: Session) -> Iterator[av.VideoFrame]:
        for packet in group.packets:
            yield from (image for image in decoder.decode(packet) if group.shows(image.pts))
        for packet in group.tail:
            yield from (image for image in decoder.decode(packet) if group.shows(image.pts))
        yield from (image for image in decoder.drain() if group.shows(image.pts))

    def _key_of(self, group: PictureGroup, decoder: Session) -> av.VideoFrame | None:
        first = next(iter(group.packets))
        images = [*decoder.decode(first), *decoder.drain()]
        return images[0] if images else None

    def _decoder_for(self, slot: int, group: PictureGroup) -> Session:
        options = self._options
        picture_bytes = self._session.picture_bytes
        is_long = group.times is None or len(group.times) * picture_bytes > self._ahead.room_bytes
        if is_long and self._ahead.workers > 1:
            options = replace(options, threads=self._ahead.workers)
        return self._decoder(slot, options, "pictures")

    def _decoder(self, slot: int, options: DecoderOptions, role: str) -> Session:
        """The decoder of one thread for one purpose; the first is the session's own."""
        place = (slot, options, role)
        if place == (0, self._options, "pictures"):
            return self._session
        if place not in self._decoders:
            self._decoders[place] = self._stack.enter_context(self._open_session(options))
        return self._decoders[place]


def as_shown(image: av.VideoFrame) -> Shown:
    """A picture in its place, of a video of which nothing is passed over."""
    return Shown(image.pts, image, image.key_frame)


def set_up(
    decode: Decode, device: str | None = None, *, stays_there: bool = False
) -> DecoderOptions:
    """How the decoder of a session is set up for a way of decoding, and for hardware."""
    options = _SET_UP.get(decode, ONE_THREAD)
    return replace(options, device=device, stays_there=stays_there)


def _task(group: PictureGroup, part: _Part, key: av.VideoFrame | None = None) -> _Task:
    """What can be done of what is wanted: in part only where the places are known."""
    # A video may begin in the middle of a group, and its keyframe is then not the first.
    is_whole = group.times is None or (part == "key" and group.begin is None)
    return _Task(group, "all" if is_whole else part, key)
