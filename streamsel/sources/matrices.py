"""Replaces colour matrices that libswscale cannot convert with the nearest supported one.

Numbers are those of ITU-T H.273, table 4. A picture is retagged before anything reads it, so that
all consumers see the same colours.
"""

from __future__ import annotations

import av

_BT709, _UNSPECIFIED, _BT601, _BT2020 = 1, 2, 6, 9
_KNOWN = frozenset({0, _BT709, _UNSPECIFIED, 4, 5, _BT601, 7, _BT2020})
_NEAREST = {
    # Luma is a quarter red, a half green, a quarter blue.
    **dict.fromkeys((8, 16, 17), _BT601),
    # Constant luminance, and spaces of wide gamut without primaries of their own.
    **dict.fromkeys((10, 11, 14, 15), _BT2020),
}
_DERIVED = (12, 13)
"""The matrix follows from the primaries."""
_OF_PRIMARIES = {1: _BT709, 9: _BT2020}


def nearest_matrix(matrix: int, primaries: int) -> int:
    """Return the matrix by which pictures that are tagged with another one are converted.

    >>> nearest_matrix(1, 1), nearest_matrix(8, 2), nearest_matrix(10, 9), nearest_matrix(12, 1)
    (1, 6, 9, 1)
    """
    if matrix in _KNOWN:
        return matrix
    if matrix in _DERIVED:
        return _OF_PRIMARIES.get(primaries, _UNSPECIFIED)
    return _NEAREST.get(matrix, _UNSPECIFIED)


def retag(image: av.VideoFrame) -> int | None:
    """Tag a picture whose matrix cannot be converted with the nearest; return which it was."""
    matrix = int(image.colorspace)
    if matrix in _KNOWN:
        return None
    image.colorspace = nearest_matrix(matrix, int(image.color_primaries))
    return matrix


def replaced(matrix: int) -> str:
    """Say that a matrix was replaced, for a warning."""
    return f"colour matrix {matrix} cannot be converted here; the nearest that can is used"
