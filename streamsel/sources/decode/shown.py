"""Results of decoding in presentation order: pictures, and places without one."""

from __future__ import annotations

from dataclasses import dataclass

import av


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """A picture in its place, or the place alone where the picture was passed over.

    ``pts`` is in units of the session's time base. ``is_random_access``: decoding can begin here.
    ``is_doubted``: something before it was damaged, which the picture may show.
    """

    pts: int | None
    image: av.VideoFrame | None
    is_random_access: bool = False
    is_doubted: bool = False


def as_shown(image: av.VideoFrame) -> DecodedFrame:
    """A picture in its place, of a video of which nothing is passed over."""
    return DecodedFrame(image.pts, image)
