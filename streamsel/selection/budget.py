"""The frame budget of an endless feed: a count, a rate per hour or day, or a share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamsel.bounds import require_count
from streamsel.errors import ConfigurationError

SHARE_PERIOD = 3600.0
"""Default period of a share, in seconds."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many frames a feed may keep: exactly one of ``count`` and ``share``.

    ``Budget(count=300)`` keeps at most 300 frames at any time. ``Budget(count=50, period=3600.0)``
    keeps at most 50 of every hour, permanently. ``Budget(share=0.05)`` keeps at most about every
    twentieth frame, permanently; frames compete with each other within a ``period``, by default an
    hour. Periods are seconds of stream time and begin at its multiples.

    Raises:
        ConfigurationError: Both or neither are given, or a value is out of its bounds.
    """

    count: int | None = None
    period: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.share is None):
            raise ConfigurationError("budget: give either a count or a share of the frames")
        if self.count is not None:
            require_count(self.count, "budget: count")
        if self.share is not None and not 0.0 < self.share <= 1.0:
            raise ConfigurationError(
                f"budget: share is {self.share}; it must be above 0 and at most 1"
            )
        if self.period is not None and not 0.0 < self.period < math.inf:
            raise ConfigurationError(f"budget: period is {self.period}; it must be above 0 seconds")

    @property
    def span(self) -> float | None:
        """Length of a period in seconds; None if there is only one, without end."""
        return SHARE_PERIOD if self.share is not None and self.period is None else self.period

    def capacity(self, seen: int) -> int:
        """Return the maximum number of frames to keep of ``seen`` frames of a period.

        >>> Budget(count=5).capacity(1000), Budget(share=0.1).capacity(25)
        (5, 3)
        """
        if self.count is not None:
            return self.count
        assert self.share is not None
        return max(1, math.ceil(self.share * seen))
