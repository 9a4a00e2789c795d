"""Decoded frames in presentation order: pictures, and positions of skipped ones."""

from __future__ import annotations

from dataclasses import dataclass

import av


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """A decoded picture, or the position of one that was skipped.

    ``pts`` is in units of the session's time base. ``is_random_access``: decoding can start here.
    ``is_suspect``: the picture may show earlier damage.
    """

    pts: int | None
    image: av.VideoFrame | None
    is_random_access: bool = False
    is_suspect: bool = False


def as_shown(image: av.VideoFrame) -> DecodedFrame:
    """Return a picture as a decoded frame, for a video without skipped pictures."""
    return DecodedFrame(image.pts, image)
