"""The seek index: frame positions collected while decoding, for exact seeking later."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from zlib import crc32

import av
import numpy as np

from streamsel.sources.thumbnails.planes import bytes_of

_UNKNOWN = -(1 << 63)
_ROW_STEP = 64
_IS_KNOWN = 1 << 32


class SeekIndex:
    """Timestamps and checksums of frames 0, 1, 2, ... of one feed. Up to 32 bytes per frame.

    Seeking needs strictly increasing timestamps, so that each identifies one frame, and a known
    keyframe. The checksum of a frame verifies that the same pixels were decoded again.
    """

    def __init__(self) -> None:
        self._pts = array("q")
        self._times = array("d")
        self._checksums = array("Q")
        self._keys = array("q")
        self._is_rising = True

    def __len__(self) -> int:
        return len(self._pts)

    def add(
        self,
        pts: int | None,
        media_time: float,
        is_random_access: bool,
        image: av.VideoFrame | None,
    ) -> None:
        """Add the next frame; ``image`` is its decoded picture, if known.

        ``is_random_access``: decoding can start there.
        """
        if pts is None or (self._pts and pts <= self._pts[-1]):
            self._is_rising = False
        if is_random_access:
            self._keys.append(len(self._pts))
        self._pts.append(_UNKNOWN if pts is None else pts)
        self._times.append(media_time)
        self._checksums.append(0 if image is None else checksum_of(image))

    def can_seek(self, index: int) -> bool:
        """Whether this frame can be found by its timestamp."""
        return self._is_rising and index < len(self) and bool(self._keys)

    def key_before(self, index: int) -> int:
        """Return the index of the last keyframe at or before a frame; 0 if there is none."""
        at = bisect_right(self._keys, index)
        return self._keys[at - 1] if at else 0

    def pts(self, index: int) -> int:
        """Return the timestamp of a frame."""
        return self._pts[index]

    def time(self, index: int) -> float:
        """Return the media time of a frame in seconds."""
        return self._times[index]

    def index_of(self, image: av.VideoFrame) -> int | None:
        """Return the index of the frame with this timestamp; None if there is none."""
        if image.pts is None:
            return None
        at = bisect_left(self._pts, image.pts)
        return at if at < len(self) and self._pts[at] == image.pts else None

    def is_same(self, image: av.VideoFrame, index: int) -> bool:
        """Whether a picture has this frame's checksum; True if the frame has none."""
        return self._checksums[index] in (0, checksum_of(image))


def checksum_of(image: av.VideoFrame) -> int:
    """Return a checksum, never 0, over every 64th row of plane 0. About 0.02 ms at 1080p.

    Artifacts of a wrong seek spread over the picture, so sampled rows suffice.
    """
    plane = image.planes[0]
    stride = abs(plane.line_size)
    width = min(stride, plane.width * max(1, (image.format.components[0].bits + 7) // 8))
    rows = bytes_of(plane)[: plane.height * stride].reshape(plane.height, stride)
    sampled = np.ascontiguousarray(rows[_ROW_STEP // 2 % len(rows) :: _ROW_STEP, :width])  # (R, L)
    return crc32(sampled.data) | _IS_KNOWN
