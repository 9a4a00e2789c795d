"""The window of a coreset: what is out of it, and how a threshold falls while places are free."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALVINGS = 4
"""How many times the threshold halves within a window while the set is not full."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time window: the last ``span`` seconds of a feed, by the times of its frames.

    A center expires if neither it nor a frame that it covers was seen for ``span`` seconds. While
    the set is not full its threshold halves every quarter of the span, so that free places fill
    again. Scenes that return within the span survive, because a center counts as seen whenever it
    covers a frame.
    """

    span: float

    def horizon(self, clock: float) -> float:
        """Return the time, in seconds, before which frames are out of the window at ``clock``.

        >>> Window(span=8.0).horizon(clock=100.0)
        92.0
        """
        return clock - self.span

    def shrinkage(self, before: float, now: float) -> float:
        """Return the factor by which the threshold of a non-full set shrinks over a time span.

        From ``before`` to ``now``, in seconds. ``before`` may be -inf; the factor is then 1.

        >>> Window(span=8.0).shrinkage(before=100.0, now=102.0)
        0.5
        """
        elapsed = 0.0 if math.isinf(before) else now - before
        return float(0.5 ** (elapsed * HALVINGS / self.span))
