"""Parses how many frames may be kept of a stretch of time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamsel.bounds import require_count
from streamsel.config.units import seconds
from streamsel.errors import ConfigurationError

_BURST = re.compile(r"(\d{1,18})\s*/\s*(\S.*)")


@dataclass(frozen=True, slots=True)
class Burst:
    """At most ``frames`` of any ``seconds``; None: of a quarter of the mean gap, if fixed."""

    frames: int
    seconds: float | None


def read_burst(text: str) -> Burst | None:
    """Parse the limit of a burst; None: there is no limit.

    >>> read_burst("auto"), read_burst("2/10s"), read_burst("off")
    (Burst(frames=1, seconds=None), Burst(frames=2, seconds=10.0), None)

    Raises :class:`ConfigurationError` for any other text, or numbers out of bounds.
    """
    if text in ("auto", "off"):
        return Burst(1, None) if text == "auto" else None
    match = _BURST.fullmatch(text.strip())
    try:
        stretch = 0.0 if match is None else seconds(match[2])
    except ConfigurationError:
        stretch = 0.0
    if match is None or stretch <= 0.0:
        raise ConfigurationError(
            f"{text!r} is not a limit of bursts; write frames per stretch of time (2/10s), auto or "
            "off"
        )
    return Burst(require_count(int(match[1]), "burst"), stretch)
