"""A pool of decoders for one video, all configured like the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeAlias

from streamsel.interfaces.concurrency import OrderedMap
from streamsel.sources.container.opening import DecoderOptions
from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.gops import Gop
from streamsel.sources.decode.random_access import RandomAccess
from streamsel.sources.decode.video_reader import VideoReader

Role: TypeAlias = Literal["pictures", "keys", "luma_grids"]

_SHARED = {"h264", "vp9", "av1", "mpeg1video", "mpeg2video", "ffv1"}
"""Codecs that decode a GOP identically with several threads, or report an error."""
_SHARED_WHERE_TIMED = _SHARED | {"hevc", "mpeg4"}
"""The same for GOPs with known timestamps, by which a missing picture is detected."""


class Decoders:
    """Provides decoders: first that of the open session, then those of new sessions."""

    def __init__(
        self,
        session: VideoReader,
        open_session: Callable[[DecoderOptions], VideoReader],
        ahead: OrderedMap,
        random_access: RandomAccess,
        options: DecoderOptions,
    ) -> None:
        self._session = session
        self._open_session = open_session
        self._ahead = ahead
        self._random_access = random_access
        self._options = options
        self._sessions: dict[tuple[int, DecoderOptions, Role], VideoReader] = {}
        self._is_own_free = True
        self._copiers: dict[tuple[int, Role], Copier] = {}
        self._leaves_holes = session.leaves_holes
        # Undecoded areas show the decoder's memory, which must be of the same GOP. A URL is opened
        # only once.
        self._is_used_once = session.leaves_holes and not session.is_remote

    @property
    def may_repeat(self) -> bool:
        """Whether the video may be opened again; not for a server."""
        return not self._session.is_remote

    def close(self) -> None:
        """Close all decoders."""
        for decoder in tuple(self._sessions.values()):
            self.retire(decoder)

    def of(
        self, slot: int, options: DecoderOptions, gop: Gop, role: Role = "pictures"
    ) -> VideoReader:
        """Return the decoder of a worker for a role, ready to start a GOP.

        Workers of the same number may run in parallel if their roles differ.
        """
        place = (slot, options, role)
        known = self._sessions.get(place)
        if known is not None and not self._is_used_once:
            return known
        if known is not None:
            self.retire(known)
        if self._is_own_free and place == (0, self._options, "pictures"):
            self._is_own_free = False
            decoder = self._session
        else:
            decoder = self._open_session(options)
        decoder.copier = self._copier_of(slot, role)
        if gop.number:
            decoder.prime(self._random_access.head)
        self._sessions[place] = decoder
        return decoder

    def retire(self, decoder: VideoReader) -> None:
        """Remove a decoder, in which damage may have left traces.

        Closes it unless it is that of the open session.
        """
        for place, known in tuple(self._sessions.items()):
            if known is decoder:
                del self._sessions[place]
        if decoder is not self._session:
            decoder.close()

    def _copier_of(self, slot: int, role: Role) -> Copier | None:
        place = (slot, role)
        if self._leaves_holes and place not in self._copiers:
            self._copiers[place] = Copier()
        return self._copiers.get(place)

    @contextmanager
    def fresh(self, slot: int, options: DecoderOptions, gop: Gop) -> Iterator[VideoReader]:
        """Open an unused decoder for pictures; closed at the end of the context."""
        with self._open_session(options) as session:
            session.copier = self._copier_of(slot, "pictures")
            if gop.number:
                session.prime(self._random_access.head)
            yield session

    def fitting(self, options: DecoderOptions, gop: Gop) -> DecoderOptions:
        """Return the options for a GOP: all threads if its pictures exceed the read-ahead memory.

        Otherwise, and for codecs that would decode it differently, the options are unchanged.
        """
        times, codec = gop.times, self._session.codec
        picture_bytes = self._session.picture_bytes
        is_long = times is None or len(times) * picture_bytes > self._ahead.room_bytes
        can_share = gop.is_steady and (
            self._session.is_intra_only
            or codec in (_SHARED if times is None else _SHARED_WHERE_TIMED)
        )
        if is_long and can_share and self._ahead.workers > 1:
            return replace(options, threads=self._ahead.workers)
        return options
