"""Forgetting: what a feed that never ends still has to stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALVINGS = 4
"""How often within a window the threshold halves while the set is not full."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last ``span`` seconds of a feed, by the times of its frames.

    A center that was not seen for ``span`` seconds is let go. A place that was freed has to be
    filled again, so while the set is not full its threshold halves every quarter of the span.
    Scenes that return within the span survive, because a center is seen whenever it absorbs.
    """

    span: float

    def horizon(self, clock: float) -> float:
        """Return the time, in seconds, before which what was last seen is forgotten at ``clock``.

        >>> Window(span=8.0).horizon(clock=100.0)
        92.0
        """
        return clock - self.span

    def shrinkage(self, before: float, now: float) -> float:
        """Return by which factor the threshold of a set that is not full shrinks meanwhile.

        ``before`` may be -inf, then nothing was and the factor is 1.

        >>> Window(span=8.0).shrinkage(before=100.0, now=102.0)
        0.5
        """
        elapsed = 0.0 if math.isinf(before) else now - before
        return float(0.5 ** (elapsed * HALVINGS / self.span))
