"""Privacy masks: parses areas and places them in a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from streamsel.errors import ConfigurationError, SourceError

Look: TypeAlias = Literal["blur", "black"]

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?|\.\d{1,9}"
_LENGTH = re.compile(rf"({_NUMBER})(%|px)?")
_MASK = re.compile(r"([^,:@]+),([^,:@]+),([^,:@]+),([^,:@]+)(?:@(\d+)[xX](\d+))?(?::(\w+))?")
_HINT = (
    "write X,Y,W,H as shares of the picture (0.1,0.1,0.3,0.2) or in pixels (40px,40px,80px,60px), "
    "and :blur or :black"
)
_LARGEST = 16_384


class Size(NamedTuple):
    """Width and height of an upright picture, in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """Columns from ``left`` up to but without ``right``, rows from ``top`` to ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class _Length:
    """A share of a side, or pixels."""

    value: Decimal
    is_px: bool

    def of(self, side: int) -> Decimal:
        return self.value if self.is_px else self.value * side

    def __str__(self) -> str:
        return f"{self.value:f}{'px' if self.is_px else ''}"


@dataclass(frozen=True, slots=True)
class Mask:
    """One area of the upright picture, and how it is hidden.

    ``size`` is the picture size that a mask in pixels was typed for, None if not given.
    """

    left: _Length
    top: _Length
    width: _Length
    height: _Length
    look: Look = "black"
    size: Size | None = None

    @property
    def is_in_pixels(self) -> bool:
        """Whether it fits only pictures of one size."""
        return any(length.is_px for length in (self.left, self.top, self.width, self.height))

    def sized(self, size: Size) -> Mask:
        """The same, for pictures of this size where it is in pixels."""
        return replace(self, size=size) if self.is_in_pixels else self

    def box(self, picture: Size) -> Box | None:
        """Return its place in an upright picture, in whole pixels; None if it reaches outside."""
        left, top = self.left.of(picture.width), self.top.of(picture.height)
        right = left + self.width.of(picture.width)
        bottom = top + self.height.of(picture.height)
        if right > picture.width or bottom > picture.height:
            return None
        return Box(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))

    def __str__(self) -> str:
        area = f"{self.left},{self.top},{self.width},{self.height}"
        size = "" if self.size is None else f"@{self.size}"
        return f"{area}{size}:{self.look}"


def read_mask(text: str) -> Mask:
    """Read an area as it is typed: ``X,Y,W,H``, then ``:blur`` or ``:black`` (if neither, black).

    Each is a share of the upright picture's width or height, or pixels; with pixels the size of
    the pictures may be told, ``@WxH``.

    >>> str(read_mask("0.10,25%,.3,0.5")), str(read_mask("40px,40px,80px,60px@640x360:blur"))
    ('0.1,0.25,0.3,0.5:black', '40px,40px,80px,60px@640x360:blur')

    Raises :class:`ConfigurationError` for anything else, and for an area that is empty or reaches
    out of the picture.
    """
    found = _MASK.fullmatch("".join(text.split()))
    if found is None:
        raise _refusal(text, "")
    *lengths, across, down, look = found.groups()
    left, top, width, height = (_read_length(text, length) for length in lengths)
    if look not in (None, "blur", "black"):
        raise _refusal(text, f"there is no {look!r}")
    size = None if across is None else Size(int(across), int(down))
    mask = Mask(left, top, width, height, "blur" if look == "blur" else "black", size)
    _check(text, mask)
    return mask


def read_masks(texts: Iterable[str]) -> tuple[Mask, ...]:
    """Read those of one feed; raises as :func:`read_mask`, and where their sizes differ."""
    masks = tuple(map(read_mask, texts))
    agreed_size(masks)
    return masks


def _read_length(text: str, length: str) -> _Length:
    found = _LENGTH.fullmatch(length)
    if found is None:
        raise _refusal(text, f"{length!r} is no length")
    value, unit = Decimal(found[1]), found[2]
    if unit == "%":
        value /= 100
    if unit == "px" and value != int(value):
        raise _refusal(text, "pixels are whole")
    return _Length(value.normalize(), unit == "px")


def _check(text: str, mask: Mask) -> None:
    if mask.width.value <= 0 or mask.height.value <= 0:
        raise _refusal(text, "width and height must be more than 0")
    if mask.size is not None and not mask.is_in_pixels:
        raise _refusal(text, f"shares fit any size, so leave @{mask.size} out")
    size = mask.size or Size(_LARGEST, _LARGEST)
    if not all(1 <= side <= _LARGEST for side in size):
        raise _refusal(text, f"no picture is of {size}")
    if mask.box(size) is None:
        raise _refusal(text, "it reaches out of the picture")


def _refusal(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{text!r} is no mask; {why}{', so ' if why else ''}{_HINT}")


def agreed_size(masks: Iterable[Mask]) -> Size | None:
    """The size of pictures that masks were typed for, None where none says.

    Raises :class:`ConfigurationError` where they say different ones.
    """
    sizes = sorted({mask.size for mask in masks if mask.size is not None})
    if len(sizes) > 1:
        raise ConfigurationError(
            f"masks are for {sizes[0]} and for {sizes[1]}; give the masks of a feed for one size"
        )
    return sizes[0] if sizes else None


def boxes(masks: Iterable[Mask], picture: Size, where: str) -> tuple[tuple[Box, Look], ...]:
    """Where masks lie in an upright picture, in the order in which they are to be drawn.

    What is black is drawn before what is blurred, so that it does not shine through there, and
    again after. Raises :class:`SourceError`, beginning with ``where``, for one that reaches out.
    """
    black: list[tuple[Box, Look]] = []
    blurred: list[tuple[Box, Look]] = []
    for mask in masks:
        box = mask.box(picture)
        if box is None:
            raise SourceError(
                f"{where}: its pictures are of {picture}, and the mask {mask} reaches out of them; "
                "correct it, or give shares of the picture"
            )
        (black if mask.look == "black" else blurred).append((box, mask.look))
    return (*black, *blurred, *(black if blurred else ()))
