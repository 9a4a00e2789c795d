"""Pictures that carry a number, which survives heavy quantisation and tells garbage from a picture.

A picture is 6 x 4 cells, light or dark: 12 say the number, 12 its complement. Over them lies a
texture that moves, and colours that turn, so that no two pictures of a stream look alike, and none
can be decoded by the wrong references without a trace.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]

COLUMNS, ROWS = 6, 4
BITS = COLUMNS * ROWS // 2
_DARK, _LIGHT = 60.0, 190.0
_TEXTURE = 14.0
_LEAST_GAP = 16.0


def draw(number: int, width: int, height: int) -> bytes:
    """The planes of a limited-range yuv420p picture, one after another."""
    rows, columns = np.mgrid[0:height, 0:width]
    cells = np.array(_cells(number)).reshape(ROWS, COLUMNS)
    luma = np.where(cells[rows * ROWS // height, columns * COLUMNS // width], _LIGHT, _DARK)
    luma += _TEXTURE * np.sin((columns + 2 * number) / 5) * np.cos((rows - number) / 7)
    rows, columns = np.mgrid[0 : (height + 1) // 2, 0 : (width + 1) // 2]
    blue = 128 + 50 * np.sin(number / 4) + 0.3 * (columns - width / 4)
    red = 128 + 50 * np.cos(number / 4) + 0.3 * (rows - height / 4)
    return b"".join(plane.round().astype(np.uint8).tobytes() for plane in (luma, blue, red))


def read(luma: Luma) -> int | None:
    """The number of a picture, from its (H, W) luma of any range; None where it carries none."""
    height, width = luma.shape
    means = [
        luma[_middle(row, ROWS, height), _middle(column, COLUMNS, width)].mean()
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    middle = (min(means) + max(means)) / 2
    cells = tuple(bool(mean > middle) for mean in means)
    number = sum(1 << bit for bit in range(BITS) if cells[bit])
    dark = max((mean for mean in means if mean <= middle), default=0)
    light = min((mean for mean in means if mean > middle), default=0)
    return number if cells == _cells(number) and light - dark > _LEAST_GAP else None


def _cells(number: int) -> tuple[bool, ...]:
    bits = tuple(bool(number >> bit & 1) for bit in range(BITS))
    return (*bits, *(not bit for bit in bits))


def _middle(place: int, places: int, length: int) -> slice:
    """The inner half of a cell, where neither edges nor ringing reach."""
    begin, end = place * length / places, (place + 1) * length / places
    quarter = (end - begin) / 4
    return slice(round(begin + quarter), max(round(begin + quarter) + 1, round(end - quarter)))
