"""Replaces colour matrices that libswscale cannot convert with the nearest supported one.

Matrices are numbered as in ITU-T H.273, table 4. A picture is retagged before anything else reads
it, so that all consumers get the same colours.
"""

from __future__ import annotations

import av

_BT709, _UNSPECIFIED, _BT601, _BT2020 = 1, 2, 6, 9
_KNOWN = frozenset({0, _BT709, _UNSPECIFIED, 4, 5, _BT601, 7, _BT2020})
_NEAREST = {
    # Luma is about 1/4 red, 1/2 green, 1/4 blue.
    **dict.fromkeys((8, 16, 17), _BT601),
    # Constant luminance, and wide gamut.
    **dict.fromkeys((10, 11, 14, 15), _BT2020),
}
_DERIVED = (12, 13)
"""Matrices that are derived from the primaries."""
_OF_PRIMARIES = {1: _BT709, 9: _BT2020}


def nearest_matrix(matrix: int, primaries: int) -> int:
    """Return the supported matrix that is nearest to a picture's tag.

    >>> nearest_matrix(1, 1), nearest_matrix(8, 2), nearest_matrix(10, 9), nearest_matrix(12, 1)
    (1, 6, 9, 1)
    """
    if matrix in _KNOWN:
        return matrix
    if matrix in _DERIVED:
        return _OF_PRIMARIES.get(primaries, _UNSPECIFIED)
    return _NEAREST.get(matrix, _UNSPECIFIED)


def retag(image: av.VideoFrame) -> int | None:
    """Replace an unsupported matrix tag of a picture; return the old one, None if unchanged."""
    matrix = int(image.colorspace)
    if matrix in _KNOWN:
        return None
    image.colorspace = nearest_matrix(matrix, int(image.color_primaries))
    return matrix


def replaced(matrix: int) -> str:
    """Return the warning for a replaced matrix."""
    return f"colour matrix {matrix} cannot be converted; the nearest supported one is used"
