"""The gate of adaptive decoding: decides which GOPs are decoded in full.

There are two criteria. First, the keyframes at both ends of a GOP, which cost about a fiftieth of
it: if their luma or chroma grids differ, something appeared, left or moved. Second, the sizes of
the packets in between: an event within a GOP may leave its keyframes unchanged, but increases them.
Sizes are compared with those of static GOPs in the same video, so codec and bit rate do not matter.
With a constant bit rate sizes hardly change, and the keyframes decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import av

from streamsel.frame import ChromaGrid, LumaGrid
from streamsel.luma_grid import change
from streamsel.sources.decode.gops import Gop

_CALIBRATION_FRAMES = 150
"""Frames to decode in full first: the near-duplicate distance is calibrated on close frames."""
_REST_MEAN, _REST_CELL = 1.0, 7
_REMEMBERED = 30
_FEWEST = 2
_MORE_BYTES = 1.5
_LARGER_PACKET = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """A GOP, with the picture and grids of its keyframe; None if it was not decoded."""

    gop: Gop
    is_wanted: bool
    image: av.VideoFrame | None
    luma_grid: LumaGrid | None
    chroma_grid: ChromaGrid | None


class Gate:
    """Decides for each GOP of one video, from earlier GOPs and the next keyframe."""

    def __init__(self) -> None:
        self._decoded = 0
        self._resting: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def decide(self, keyed: Iterator[Keyed]) -> Iterator[tuple[Keyed, bool]]:
        """Yield each GOP and whether to decode it in full, one GOP behind ``keyed``."""
        one = next(keyed, None)
        while one is not None:
            following = next(keyed, None)
            yield one, self._is_busy(one, following)
            one = following

    def _is_busy(self, one: Keyed, following: Keyed | None) -> bool:
        gop = one.gop
        if gop.times is None or following is None:
            return True
        pairs = (
            (one.luma_grid, following.luma_grid),
            (one.chroma_grid, following.chroma_grid),
        )
        changes = [change(a, b) for a, b in pairs if a is not None and b is not None]
        if len(changes) < len(pairs):
            return True
        rests = all(mean < _REST_MEAN and cell < _REST_CELL for mean, cell in changes)
        sizes = _sizes(gop)
        is_busy = not rests or self._decoded < _CALIBRATION_FRAMES or self._is_eventful(sizes)
        if rests and sizes is not None:
            self._resting.append(sizes)
        if is_busy:
            self._decoded += len(gop.times)
        return is_busy

    def _is_eventful(self, sizes: tuple[float, float] | None) -> bool:
        """Whether the packets are clearly larger than those of static GOPs."""
        if sizes is None:
            return False
        if len(self._resting) < _FEWEST:
            return True
        usual = median(mean for mean, _ in self._resting)
        usual_peak = median(peak for _, peak in self._resting)
        mean, peak = sizes
        return mean > _MORE_BYTES * usual or peak > _LARGER_PACKET * usual_peak


def _sizes(gop: Gop) -> tuple[float, float] | None:
    """Mean and maximum bytes of the packets after the keyframe; None without any."""
    sizes = [packet.size for packet in gop.packets][1:]
    if not sizes:
        return None
    return sum(sizes) / len(sizes), float(max(sizes))
