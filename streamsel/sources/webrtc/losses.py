"""Tracks packet loss of a WebRTC sender and its recovery."""

from __future__ import annotations

import queue
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from streamsel.sources.decode.units import delimited, kind_of

if TYPE_CHECKING:
    from aiortc import RTCRtpReceiver
    from aiortc.jitterbuffer import JitterFrame

_MOST_WAITING = 32  # about a second

_IDR_SLICE = 5  # H.264, table 7-1


class Losses:
    """Watches a receiver for lost packets, decoding errors and a slow decoder.

    Later pictures refer to lost ones and are output nevertheless, so pictures are suspect, and a
    keyframe is requested from the sender, until one is decoded. Used only on the loop of peers.
    """

    def __init__(self, receiver: RTCRtpReceiver, note: Callable[[], None]) -> None:
        """``note`` is called for each loss. Create it before the receiver starts."""
        self._receiver = receiver
        self._note = note
        self._ask: Callable[[int], Awaitable[None]] = receiver._send_rtcp_pli
        self._is_lost = False
        self._keyframe: int | None = None
        vars(receiver)["_send_rtcp_pli"] = self._note_and_ask
        vars(receiver)["_RTCRtpReceiver__decoder_queue"] = _Backlog(self._lose, self._see)

    def is_suspect(self, pts: int) -> bool:
        """Whether a decoded picture may show a loss. Call for each picture in order."""
        if self._keyframe is not None and pts >= self._keyframe:
            self._is_lost, self._keyframe = False, None
        return self._is_lost

    async def ask(self) -> None:
        """Request a keyframe from the sender, if one is needed and has not arrived."""
        if self._is_lost and self._keyframe is None:
            for source in self._receiver.getSynchronizationSources():
                await self._ask(source.source)

    async def _note_and_ask(self, media_ssrc: int) -> None:
        self._lose()
        await self._ask(media_ssrc)

    def _lose(self) -> None:
        self._is_lost, self._keyframe = True, None
        self._note()

    def _see(self, picture: JitterFrame, codec: str) -> None:
        """Inspect an encoded picture before decoding."""
        if self._is_lost and self._keyframe is None and _is_keyframe(picture.data, codec):
            self._keyframe = picture.timestamp


class _Backlog(queue.Queue[Any]):
    """A queue of encoded pictures for the decoder; if it is full, all of them are dropped.

    None ends the queue and discards the waiting pictures.
    """

    def __init__(self, lose: Callable[[], None], see: Callable[[JitterFrame, str], None]) -> None:
        super().__init__()
        self._lose = lose
        self._see = see

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add a codec and its picture, or None. Never waits."""
        is_full = self.qsize() >= _MOST_WAITING
        if is_full or item is None:
            with self.mutex:
                self.queue.clear()
        if item is not None:
            if is_full:
                self._lose()
            codec, picture = item
            self._see(picture, codec.name)
        super().put(item)


def _is_keyframe(picture: bytes, codec: str) -> bool:
    if codec == "VP8":  # RFC 6386, 9.1
        return bool(picture) and not picture[0] & 1
    return any(kind_of("h264", unit) == _IDR_SLICE for unit in delimited(picture))
