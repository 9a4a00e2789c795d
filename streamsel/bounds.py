"""Checks the number of frames to keep: the same bound for every option and API."""

from __future__ import annotations

import reprlib

from streamsel.errors import ConfigurationError

MOST_FRAMES = 100_000
"""Maximum number of frames of one coreset: 100 MB of vectors at 256 dimensions."""


def require_count(given: object, name: str = "count") -> int:
    """Return ``given`` if it is a number of frames, 1 to ``MOST_FRAMES``.

    >>> require_count(300)
    300

    Raises:
        ConfigurationError: It is out of these bounds, or not a whole number.
    """
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MOST_FRAMES:
        raise ConfigurationError(
            f"{name} is {reprlib.repr(given)}; it must be a whole number of frames, "
            f"at least 1 and at most {MOST_FRAMES:,}"
        )
    return given
