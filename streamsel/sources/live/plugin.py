"""A live source that another package adds: pictures from a Python iterator."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import NoReturn

import av
import numpy as np

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.libav import ends_as_source_error
from streamsel.plugins import Plugin, call_plugin, kind_of
from streamsel.sources.container.opening import MAX_PIXELS
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.receiving import ReceivingSource, UntimedVideo

_ENDED = object()
_PICTURES = "an (H, W, 3) uint8 array of RGB, or an av.VideoFrame"


class PluginSource(ReceivingSource):
    """Reads the pictures that a plug-in yields; a ``LiveSource``.

    The plug-in's factory is called with what follows its name in the address, once for each
    session, and returns an iterable of pictures; a generator is closed at the end. Frames are timed
    by arrival. Whatever the plug-in raises ends the session, as does the end of its pictures.
    """

    def __init__(
        self, feed: str, location: str, plugin: Plugin, options: LiveOptions, clock: Clock
    ) -> None:
        super().__init__(feed, location, options, clock)
        self._plugin = plugin

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Open the plug-in once and yield frames; see ``interfaces.sources.LiveSource``."""
        if self._stopped.is_set():
            return
        with closing(self._pictures()) as pictures:
            video, masked = UntimedVideo(self._clock), self._masked(pictures)
            yield from self._frames(video, masked, start, media_time)
        if not self._stopped.is_set():
            ended = f"there are no more pictures; the {self._plugin} ended them"
            raise SourceError(f"{self._where}: {ended}")

    def _pictures(self) -> Generator[av.VideoFrame, None, None]:
        rest = self._location.partition(":")[2]
        made = call_plugin(self._plugin, SourceError, rest)
        if not isinstance(made, Iterable):
            self._plugin.refuse(SourceError, f"returned {kind_of(made)}; yield pictures")
        with self._plugin.blamed(SourceError, "cannot be read"):
            pictures = iter(made)
        try:
            while (picture := self._next(pictures)) is not _ENDED and not self._stopped.is_set():
                image = self._image(picture)
                self._count(received=1, decoded=1)
                yield image
        finally:
            if isinstance(pictures, Generator):
                with self._plugin.blamed(SourceError, "cannot be closed"):
                    pictures.close()

    def _next(self, pictures: Iterator[object]) -> object:
        with self._plugin.blamed(SourceError, "failed"):
            return next(pictures, _ENDED)

    def _image(self, picture: object) -> av.VideoFrame:
        """Convert a picture to a decoded image that is ours alone."""
        if isinstance(picture, av.VideoFrame):
            self._require_pixels(picture.width, picture.height)
            return picture
        if not isinstance(picture, np.ndarray):
            self._refuse(kind_of(picture))
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            self._refuse(f"an array {picture.shape} of {picture.dtype}")
        self._require_pixels(picture.shape[1], picture.shape[0])
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")

    def _require_pixels(self, width: int, height: int) -> None:
        if not 0 < width * height <= MAX_PIXELS:
            self._refuse(f"{width} x {height} pixels")

    def _refuse(self, told: str) -> NoReturn:
        self._plugin.refuse(SourceError, f"yielded {told}; it must be {_PICTURES}")
