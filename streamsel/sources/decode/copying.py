"""Copies decoded pictures with all their properties."""

from __future__ import annotations

from fractions import Fraction

import av

from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.orientation import UPRIGHT


class Copier:
    """Copies pictures into memory of its own, which it uses again; for one thread.

    A decoder then finds the memory that it uses again as it left it, whoever still looks at the
    pictures. Costs about 0.5 ms at 1080p.
    """

    def __init__(self) -> None:
        self._chain = FilterChain("copy")

    def copy(self, image: av.VideoFrame, time_base: Fraction) -> av.VideoFrame:
        """Return another picture that is the same."""
        (copied,) = self._chain.apply(image, image.time_base or time_base, UPRIGHT)
        return copied
