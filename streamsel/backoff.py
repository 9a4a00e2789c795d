"""Exponential backoff between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays in seconds: ``first``, doubled with each failure in a row, at most ``most``.

    Each delay is random, between half of this and all of it, so that a hundred cameras lost at once
    do not reconnect at once. After ``refusals`` rejected logins the caller waits ``refused``
    seconds instead, because cameras lock accounts after frequent attempts.
    """

    first: float
    most: float
    refused: float = 300.0
    refusals: int = 3

    def delay(self, failures: int, chance: random.Random) -> float:
        """Return the delay in seconds after a number of failures in a row, at least one.

        >>> Backoff(first=0.25, most=2.0).delay(30, random.Random(1)) <= 2.0
        True
        """
        return self.longest(failures) * (0.5 + 0.5 * chance.random())

    def longest(self, failures: int) -> float:
        """Return the longest such delay in seconds, for a caller that is alone.

        >>> [Backoff(first=2.0, most=10.0).longest(failures) for failures in (1, 2, 3, 4)]
        [2.0, 4.0, 8.0, 10.0]
        """
        return min(self.most, self.first * 2.0 ** min(failures - 1, 30))
