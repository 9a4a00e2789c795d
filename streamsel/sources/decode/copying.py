"""Copies decoded pictures with all their properties."""

from __future__ import annotations

from fractions import Fraction

import av

from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.orientation import UPRIGHT


class Copier:
    """Copies pictures into a memory pool of its own. One per thread.

    The decoder can then reuse its memory at once. About 0.5 ms at 1080p.
    """

    def __init__(self) -> None:
        self._chain = FilterChain("copy")

    def copy(self, image: av.VideoFrame, time_base: Fraction) -> av.VideoFrame:
        """Return a copy of the picture."""
        (copied,) = self._chain.apply(image, image.time_base or time_base, UPRIGHT)
        return copied
