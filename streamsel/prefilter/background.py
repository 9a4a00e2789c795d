"""Compares luma grids with a background, whatever the light; exact on every machine.

All sums are of whole numbers that float64 holds exactly, so their order does not matter, and every
other operation is a single rounding of IEEE 754: no result depends on the processor, on its vector
instructions or on the library behind the matrix product.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.frame import LumaGrid
from streamsel.scene import Background, Levels

Cells: TypeAlias = npt.NDArray[np.float64]
"""(1024,) grey levels of the cells of a luma grid, row by row."""

_STEPS = 3
_FINE = 16
"""Steps of a grey level, to which backgrounds are rounded for the sums."""
_HEAVIEST = 255
"""Weight of a cell that fits; weights are whole numbers."""
_EVERY = 3
"""Gain and offset are fitted to every third cell: in steps of 3, 32 columns are all visited."""
_FLAT = 0.25
"""Standard deviation in grey levels below which a background has no contrast to fit a gain to."""
_LEAST_CONTRAST = 2
_DEVIATIONS = 4
_ROUNDING = 0.25
"""Variance added to that of each cell: that of rounding to whole levels, and as much again."""
_STEP_LEVELS = 6.0
_LEVELS_PER_SECOND = 0.3
_VARIANCES_PER_SECOND = 0.2
_OUTLYING = 25


def has_contrast(luma_grid: LumaGrid) -> bool:
    """Whether a picture shows enough to recognise a scene: a deviation of two grey levels.

    A flat picture is that of any scene at a gain of zero.

    >>> has_contrast(np.full((32, 32), 16, np.uint8))
    False
    """
    seen = luma_grid.astype(np.int64)
    total = int(seen.sum())
    return (
        seen.size * int((seen * seen).sum()) - total * total >= (_LEAST_CONTRAST * seen.size) ** 2
    )


def residual(seen: Cells, levels: Levels) -> Cells:
    """Return what ``levels`` (1024,) leave unexplained of ``seen`` after a change of the light.

    The light is a gain and an offset, fitted by robust regression in three reweighted steps
    (Cauchy's weights, scale by the median): what covers less than half of the picture hardly moves
    them. Dawn, exposure and most cloud shadows thereby vanish. Cost: 50 microseconds.

    >>> levels = np.arange(1024, dtype=np.float32) % 100
    >>> float(np.abs(residual(2.0 * levels.astype(np.float64) + 20, levels)).max())
    0.0
    """
    fine = np.rint(np.multiply(levels, _FINE, dtype=np.float64))
    basis = np.empty((3, len(fine[::_EVERY])))  # ones, background, picture
    basis[0], basis[1], basis[2] = 1.0, fine[::_EVERY], np.rint(seen[::_EVERY])
    weighted = basis
    for step in range(_STEPS):
        gain, offset = _fitted(weighted @ basis.T)
        if step + 1 < _STEPS:
            misfit = np.abs(basis[2] - (gain * basis[1] + offset))
            middle = float(np.partition(misfit, len(misfit) // 2)[len(misfit) // 2])
            misfit *= 1 / (2 * (1.4826 * middle + 0.5))
            weighted = basis * np.rint(_HEAVIEST / (1 + misfit * misfit))
    left: Cells = seen - (gain * fine + offset)
    return left


def _fitted(products: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return gain and offset of the least squares with these sums of products, (3, 3)."""
    (count, b, x), (_, bb, bx) = ([int(one) for one in row] for row in products[:2].tolist())
    if count == 0:
        return 0.0, 0.0
    spread = count * bb - b * b  # Python's whole numbers: nothing cancels
    if spread < (_FLAT * _FINE * count) ** 2:
        return 0.0, x / count
    top = count * bx - b * x
    return top / spread, (x * spread - top * b) / (count * spread)


def beyond(left: Cells, variances: Levels | float) -> npt.NDArray[np.bool_]:
    """Return the cells with a residual of more than four deviations, (1024,)."""
    limits = np.add(variances, _ROUNDING, dtype=np.float64) * _DEVIATIONS**2
    over: npt.NDArray[np.bool_] = left * left > limits
    return over


def learned(
    background: Background, seen: Cells, left: Cells, seconds: float, now: float
) -> Background:
    """Return a background after a frame that it explains, which came ``seconds`` after the last.

    The levels follow the frame within three seconds, but by at most 6 grey levels at a time, so an
    object has to stay to become part of them. The variances follow the squared residual within
    five seconds.
    """
    pace = _LEVELS_PER_SECOND * seconds
    levels = background.levels + np.clip(seen - background.levels, -_STEP_LEVELS, _STEP_LEVELS) * (
        pace / (1 + pace)
    )
    pace = _VARIANCES_PER_SECOND * seconds
    variances = background.variances.astype(np.float64)
    variances += (np.minimum(left * left, _OUTLYING * variances) - variances) * (pace / (1 + pace))
    return Background(levels.astype(np.float32), variances.astype(np.float32), now)
