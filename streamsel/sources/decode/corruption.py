"""Detects corrupt pictures: data lost or damaged on the way."""

from __future__ import annotations

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.continuity import Continuity


class Corruption:
    """Tracks corruption in one session: after damage pictures are corrupt until a whole keyframe.

    If pictures come out later than their packets went in, too many rather than too few count as
    corrupt. ``continuity`` checks each packet of a transport that may lose some.
    """

    def __init__(self, continuity: Continuity | None = None) -> None:
        self._continuity = continuity
        self._doubts = False
        self._newest_key_is_whole = True

    @property
    def is_open(self) -> bool:
        """Whether it waits for a whole keyframe."""
        return self._doubts

    def weigh(self, packet: Packet[VideoStream]) -> None:
        """Check a packet before it is decoded."""
        if packet.is_keyframe:
            self._newest_key_is_whole = True
        if packet.is_corrupt or not (
            self._continuity is None or self._continuity.follows(bytes(packet))
        ):
            self.begin()

    def begin(self) -> None:
        """Start a corruption: the latest decoded data was damaged."""
        self._doubts = True
        self._newest_key_is_whole = False

    def covers(self, image: av.VideoFrame) -> bool:
        """Whether this picture is corrupt; call for each, in the decoder's output order."""
        if image.is_corrupt:
            self.begin()
        elif image.key_frame and self._newest_key_is_whole:
            self._doubts = False
        return self._doubts
