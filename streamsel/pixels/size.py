"""The output size of pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from streamsel.errors import ConfigurationError

MOST_SIDE = 16_384
_WRITTEN = re.compile(r"(\d+)[xX](\d+)(!?)|(\d+)[xX]|[xX](\d+)")


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Width and height of an upright picture in pixels; one of them may be None.

    The aspect ratio is kept, and the picture is as large as fits inside. ``exact``: it is stretched
    to both. Raises :class:`ConfigurationError` for a side below 1 or above 16,384, without any
    side, and for an exact size without both.
    """

    width: int | None
    height: int | None
    exact: bool = False

    def __post_init__(self) -> None:
        sides = [side for side in (self.width, self.height) if side is not None]
        if not sides or (self.exact and len(sides) < 2):
            raise ConfigurationError(f"size is {self}; {_TOLD}")
        if not all(1 <= side <= MOST_SIDE for side in sides):
            raise ConfigurationError(
                f"size is {self}; width and height must lie in 1..{MOST_SIDE:,}"
            )

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a size; raises :class:`ConfigurationError`.

        >>> PictureSize.read("640x")
        PictureSize(width=640, height=None, exact=False)
        >>> str(PictureSize.read("640x360!"))
        '640x360!'
        """
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError(f"{text!r} is not a size; {_TOLD}")
        width, height = (
            None if side is None else int(side)
            for side in (match[1] or match[4], match[2] or match[5])
        )
        return cls(width, height, match[3] == "!")

    def __str__(self) -> str:
        """Return the size as a user types it."""
        width, height = ("" if side is None else side for side in (self.width, self.height))
        return f"{width}x{height}{'!' if self.exact else ''}"

    def turned(self) -> Self:
        """Return the size with width and height exchanged."""
        return type(self)(self.height, self.width, self.exact)


_TOLD = (
    "write WIDTHxHEIGHT in pixels, like 640x360 to fit inside, 640x or x360 for one side, 640x360!"
    " for exactly that"
)
