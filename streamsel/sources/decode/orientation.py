"""Rotation of pictures: display matrices and EXIF orientation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

from streamsel.sources.masks import Box

_TURNS = {
    0: (),
    90: ("transpose=cclock",),
    180: ("hflip", "vflip"),
    270: ("transpose=clock",),
}
_EXIF = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (270, True),
    6: (270, False),
    7: (90, True),
    8: (90, False),
}


@dataclass(frozen=True, slots=True)
class Orientation:
    """The transform that makes a stored picture upright.

    Rotate ``rotation`` degrees counter-clockwise (a multiple of 90), then flip it horizontally if
    ``mirrored``.
    """

    rotation: int = 0
    mirrored: bool = False

    @property
    def filters(self) -> tuple[str, ...]:
        """The ffmpeg filters that apply the transform."""
        return (*_TURNS[self.rotation], *(("hflip",) if self.mirrored else ()))

    def upright(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the upright picture."""
        return (height, width) if self.rotation % 180 else (width, height)

    def stored(self, box: Box, upright: tuple[int, int]) -> Box:
        """Convert an area of the upright picture, of this width and height, to the stored picture.

        >>> Orientation(90).stored(Box(0, 0, 2, 1), (48, 64))
        Box(left=63, top=0, right=64, bottom=2)
        """
        width, height = upright
        left, top, right, bottom = box
        if self.mirrored:
            left, right = width - right, width - left
        if self.rotation == 180:
            return Box(width - right, height - bottom, width - left, height - top)
        if self.rotation == 90:
            return Box(height - bottom, left, height - top, right)
        if self.rotation == 270:
            return Box(top, width - right, bottom, width - left)
        return Box(left, top, right, bottom)


UPRIGHT = Orientation()


def orientation_of(image: av.VideoFrame) -> Orientation:
    """Return the orientation by the decoder's display matrix, rounded to quarter turns.

    Do not call it for every frame: reading side data puts PyAV's picture into a reference cycle, so
    its pixels are freed by the garbage collector only.
    """
    try:
        found: Any = image.side_data  # PyAV's stub has the wrong type
        matrices = [
            found[i] for i in range(len(found)) if found[i].type is SideDataType.DISPLAYMATRIX
        ]
    except ValueError:
        # PyAV 18 has no name for EXIF side data and then fails to list any.
        return turned_by(image.rotation)
    if not matrices:
        return UPRIGHT
    return from_display_matrix(np.frombuffer(bytes(matrices[0]), np.int32).tolist())


class Turning:
    """Tracks the orientation of a video's pictures; reads side data only for the first one."""

    def __init__(self) -> None:
        self._rotation: int | None = None
        self._orientation = UPRIGHT

    def of(self, image: av.VideoFrame) -> Orientation:
        """Return the orientation of this picture."""
        rotation = image.rotation
        if self._rotation is None:
            self._orientation = orientation_of(image)
        elif rotation != self._rotation:
            self._orientation = turned_by(rotation)
        self._rotation = rotation
        return self._orientation


def turned_by(degrees: int) -> Orientation:
    """Return the orientation for degrees counter-clockwise, in any range.

    >>> turned_by(-90)
    Orientation(rotation=270, mirrored=False)
    """
    return Orientation(round(degrees / 90) * 90 % 360)


def from_display_matrix(matrix: Sequence[int]) -> Orientation:
    """Convert libavutil's 3 x 3 display matrix, which maps stored to displayed coordinates.

    >>> from_display_matrix([0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30])
    Orientation(rotation=90, mirrored=False)
    """
    a, b, c, d = (matrix[i] for i in (0, 1, 3, 4))
    mirrored = a * d - b * c < 0
    # Without the flip, the position of the upper edge determines the rotation.
    left, up = (-c if mirrored else c), d
    if abs(up) >= abs(left):
        return Orientation(180 if up < 0 else 0, mirrored)
    return Orientation(90 if left > 0 else 270, mirrored)


def from_exif(tag: int) -> Orientation:
    """Convert the EXIF tag Orientation; values out of range count as upright.

    >>> from_exif(6), from_exif(99)
    (Orientation(rotation=270, mirrored=False), Orientation(rotation=0, mirrored=False))
    """
    return Orientation(*_EXIF.get(tag, (0, False)))
