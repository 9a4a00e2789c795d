"""The near-duplicate distance that frames suggest, where nothing else is asked."""

from __future__ import annotations

from streamsel.frame import Vectors
from streamsel.selection.calibration import estimate_from


def floor_from(vectors: Vectors) -> float:
    """The distance alone."""
    return estimate_from(vectors).distance
