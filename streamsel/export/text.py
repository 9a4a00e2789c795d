"""Formats vectors as text."""

from __future__ import annotations


def numbers_format(dim: int) -> str:
    """Return a format for ``dim`` float32 numbers, separated by commas.

    Nine digits have a relative error of 5e-10, neighbouring numbers differ by 3e-8 or more, so
    parsing restores the exact number, also via float64.

    >>> numbers_format(2) % (0.5, 0.30000001192092896)
    '0.5,0.300000012'
    """
    return ",".join(["%.9g"] * dim)
