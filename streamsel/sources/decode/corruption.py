"""Detects corrupt pictures: data lost or damaged on the way."""

from __future__ import annotations

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.continuity import Continuity


class Corruption:
    """Follows one session: from damage on no picture is trusted, until a keyframe that is whole.

    Where a picture comes out later than its packet went in, rather too many are doubted than too
    few. ``continuity`` is asked about each packet of a transport that may lose some.
    """

    def __init__(self, continuity: Continuity | None = None) -> None:
        self._continuity = continuity
        self._doubts = False
        self._newest_key_is_whole = True

    @property
    def is_open(self) -> bool:
        """Whether a whole keyframe is being waited for."""
        return self._doubts

    def weigh(self, packet: Packet[VideoStream]) -> None:
        """Look at a packet before it is decoded."""
        if packet.is_keyframe:
            self._newest_key_is_whole = True
        if packet.is_corrupt or not (
            self._continuity is None or self._continuity.follows(bytes(packet))
        ):
            self.begin()

    def begin(self) -> None:
        """Damage was found in what was decoded last."""
        self._doubts = True
        self._newest_key_is_whole = False

    def covers(self, image: av.VideoFrame) -> bool:
        """Whether this picture is in corruption; ask for each, as the decoder puts them out."""
        if image.is_corrupt:
            self.begin()
        elif image.key_frame and self._newest_key_is_whole:
            self._doubts = False
        return self._doubts
