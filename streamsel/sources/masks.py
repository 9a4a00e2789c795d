"""Privacy masks: parses areas and converts them to pixels of a picture."""

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
    """Columns ``left`` to ``right`` and rows ``top`` to ``bottom``, ends excluded, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class _Length:
    """A length, as a share of a picture's side or in pixels."""

    value: Decimal
    is_px: bool

    def of(self, side: int) -> Decimal:
        return self.value if self.is_px else self.value * side

    def __str__(self) -> str:
        return f"{self.value:f}{'px' if self.is_px else ''}"


@dataclass(frozen=True, slots=True)
class Mask:
    """One area of the upright picture, and how it is hidden.

    ``size`` is the picture size to which a mask in pixels refers; None if not given.
    """

    left: _Length
    top: _Length
    width: _Length
    height: _Length
    look: Look = "black"
    size: Size | None = None

    @property
    def is_in_pixels(self) -> bool:
        """Whether any length is in pixels, so that the mask fits pictures of one size only."""
        return any(length.is_px for length in (self.left, self.top, self.width, self.height))

    def sized(self, size: Size) -> Mask:
        """Return a mask in pixels with this picture size; one in shares is returned unchanged."""
        return replace(self, size=size) if self.is_in_pixels else self

    def box(self, picture: Size) -> Box | None:
        """Return the area in an upright picture, rounded outward; None if any of it is outside."""
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
    """Parse a mask: ``X,Y,W,H``, then optionally ``@WxH``, then ``:blur`` or ``:black`` (default).

    Each length is a share of the upright picture's width or height, or in pixels. ``@WxH`` is the
    picture size to which pixels refer.

    >>> str(read_mask("0.10,25%,.3,0.5")), str(read_mask("40px,40px,80px,60px@640x360:blur"))
    ('0.1,0.25,0.3,0.5:black', '40px,40px,80px,60px@640x360:blur')

    Raises :class:`ConfigurationError` for anything else, and for an area that is empty or not
    entirely inside the picture.
    """
    found = _MASK.fullmatch("".join(text.split()))
    if found is None:
        raise _refusal(text, "")
    *lengths, across, down, look = found.groups()
    left, top, width, height = (_read_length(text, length) for length in lengths)
    if look not in (None, "blur", "black"):
        raise _refusal(text, f"{look!r} is neither blur nor black")
    size = None if across is None else Size(int(across), int(down))
    mask = Mask(left, top, width, height, "blur" if look == "blur" else "black", size)
    _check(text, mask)
    return mask


def read_masks(texts: Iterable[str]) -> tuple[Mask, ...]:
    """Parse the masks of one feed; raises as :func:`read_mask`, and if their sizes differ."""
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
        raise _refusal(text, "pixels must be whole numbers")
    return _Length(value.normalize(), unit == "px")


def _check(text: str, mask: Mask) -> None:
    if mask.width.value <= 0 or mask.height.value <= 0:
        raise _refusal(text, "width and height must be more than 0")
    if mask.size is not None and not mask.is_in_pixels:
        raise _refusal(text, f"shares fit any picture size, so omit @{mask.size}")
    size = mask.size or Size(_LARGEST, _LARGEST)
    if not all(1 <= side <= _LARGEST for side in size):
        raise _refusal(text, f"a picture cannot have the size {size}")
    if mask.box(size) is None:
        raise _refusal(text, "it reaches out of the picture")


def _refusal(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{text!r} is no mask; {why}{', so ' if why else ''}{_HINT}")


def agreed_size(masks: Iterable[Mask]) -> Size | None:
    """Return the picture size to which masks refer; None if none states it.

    Raises :class:`ConfigurationError` if they differ.
    """
    sizes = sorted({mask.size for mask in masks if mask.size is not None})
    if len(sizes) > 1:
        raise ConfigurationError(
            f"masks are for {sizes[0]} and for {sizes[1]}; give the masks of a feed for one size"
        )
    return sizes[0] if sizes else None


def boxes(masks: Iterable[Mask], picture: Size, where: str) -> tuple[tuple[Box, Look], ...]:
    """Return the areas of masks in an upright picture, in drawing order.

    Black areas are drawn before blurred ones, so that their content does not bleed into an
    overlapping blur, and again after. Raises :class:`SourceError` with the prefix ``where`` for a
    mask that lies partly outside.
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
