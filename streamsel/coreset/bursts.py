"""The spread in time: which centers leave no room for another of their burst."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.coreset.centers import CenterTable
from streamsel.coreset.values import BurstLimit, K, Point

SHARE_OF_GAP = 0.25
"""Length of a burst as a share of the mean gap between a feed's centers.

Of 30 events before five generated cameras (``tests/bench/worth``) the shares .15, .2, .25, .3 and
.35 show 18, 22, 23, 24 and 22 with 20 frames kept, 29, 29, 28, 26 and 26 with 50, and 30, then
always 29 with 100: larger ones are better for few frames, smaller ones for many."""

GAIN = 1.1
"""How many times farther from the others a newcomer must be than the center that it replaces."""

NOBODY: Final[npt.NDArray[np.intp]] = np.empty(0, np.intp)
"""No centers."""


def crowd(limit: BurstLimit, table: CenterTable[K], point: Point[K]) -> npt.NDArray[np.intp]:
    """Return the slots of the centers that leave no room for ``point``; none if there is room.

    Cost: O(size).
    """
    if limit.seconds is None and not point.origin.fixed:
        return NOBODY
    own = np.flatnonzero(table.feed[: table.size] == point.origin.feed)
    if not len(own):
        return NOBODY
    times = table.time[own]
    stretch = limit.seconds
    if stretch is None:
        stretch = SHARE_OF_GAP * float(times.max() - times.min()) / len(own)
    near = own[np.abs(times - point.time) < stretch]
    return near if len(near) >= limit.most else NOBODY
