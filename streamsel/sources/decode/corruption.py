"""Detects corrupt pictures: data lost or damaged on the way."""

from __future__ import annotations

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.continuity import Continuity


class Corruption:
    """Tracks corruption in a session: after damage, pictures are corrupt until an intact keyframe.

    Decoders output pictures later than their packets, so some intact pictures may count as corrupt;
    the rule errs on that side. ``continuity`` checks the packets of a lossy transport.
    """

    def __init__(self, continuity: Continuity | None = None) -> None:
        self._continuity = continuity
        self._is_suspect = False
        self._newest_key_is_whole = True

    @property
    def is_open(self) -> bool:
        """Whether pictures are corrupt until the next intact keyframe."""
        return self._is_suspect

    def check(self, packet: Packet[VideoStream]) -> None:
        """Check a packet; call before decoding it."""
        if packet.is_keyframe:
            self._newest_key_is_whole = True
        if packet.is_corrupt or not (
            self._continuity is None or self._continuity.follows(bytes(packet))
        ):
            self.begin()

    def begin(self) -> None:
        """Report that the packet decoded last was damaged."""
        self._is_suspect = True
        self._newest_key_is_whole = False

    def covers(self, image: av.VideoFrame) -> bool:
        """Whether this picture is corrupt. Call for each, in the decoder's output order."""
        if image.is_corrupt:
            self.begin()
        elif image.key_frame and self._newest_key_is_whole:
            self._is_suspect = False
        return self._is_suspect


class Suspicion:
    """Remembers whether a picture that was passed on may show damage."""

    def __init__(self) -> None:
        self._is_suspect = False

    def add(self, is_suspect: bool) -> None:
        """Note a picture; a filter may show it in a later one, or several."""
        self._is_suspect |= is_suspect

    def take(self) -> bool:
        """Whether a picture noted since the last call may show damage."""
        is_suspect, self._is_suspect = self._is_suspect, False
        return is_suspect
