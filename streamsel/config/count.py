"""Parses how many frames to keep: in total, or per minute, hour or day."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamsel.bounds import require_count
from streamsel.errors import ConfigurationError

_PERIODS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_COUNT = re.compile(r"(\d{1,18})(?:\s*/\s*([mhd]))?")


@dataclass(frozen=True, slots=True)
class Count:
    """At most ``frames``: in total, or in each ``period`` (seconds)."""

    frames: int
    period: float | None = None

    def __str__(self) -> str:
        """Return the count as a user types it."""
        units = {period: unit for unit, period in _PERIODS.items()}
        return str(self.frames) if self.period is None else f"{self.frames}/{units[self.period]}"


def read_count(text: str) -> Count:
    """Parse a count, or a count per minute, hour or day.

    >>> read_count("300"), read_count("50/h")
    (Count(frames=300, period=None), Count(frames=50, period=3600.0))

    Raises :class:`ConfigurationError` for any other text, or a count out of bounds.
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"{text!r} is not a count; write a number of frames (300), or frames per minute, "
            "hour or day (10/m, 50/h, 1000/d)"
        )
    return Count(require_count(int(match[1])), None if match[2] is None else _PERIODS[match[2]])
