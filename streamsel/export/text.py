"""Formats vectors as text."""

from __future__ import annotations


def numbers_format(dim: int) -> str:
    """Return a format for ``dim`` float32 numbers, separated by commas.

    Nine digits are off by 5e-10 of the number and its neighbours by 3e-8, so it is read back to
    the bit, also by way of a float64.

    >>> numbers_format(2) % (0.5, 0.30000001192092896)
    '0.5,0.300000012'
    """
    return ",".join(["%.9g"] * dim)
