"""Exponential backoff between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waiting times in seconds: ``first``, doubled with each failure in a row, ``most`` at most.

    Each is drawn from the upper half of its range, so that a hundred cameras that were lost at
    once do not come back at once. Whose user name or password was refused ``refusals`` times waits
    ``refused`` seconds, because cameras lock whoever asks too often.
    """

    first: float
    most: float
    refused: float = 300.0
    refusals: int = 3

    def delay(self, failures: int, chance: random.Random) -> float:
        """Return the seconds to wait after so many failures in a row, at least one.

        >>> Backoff(first=0.25, most=2.0).delay(30, random.Random(1)) <= 2.0
        True
        """
        whole = min(self.most, self.first * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + 0.5 * chance.random())
