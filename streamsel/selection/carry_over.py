"""Carry-over between periods: frames of earlier periods still represent what they cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from streamsel.coreset.assign import Distances, Indices
from streamsel.coreset.distance import nearest
from streamsel.frame import Frame, FrameKey, Vector, Vectors


class CarryOver:
    """Kept frames of closed periods that were kept or seen again most recently.

    A frame within the near-duplicate distance of one of them is a near duplicate. So a resting
    camera keeps one frame for as long as it rests, instead of one per period. Memory: one vector
    per frame.
    """

    def __init__(self, dim: int) -> None:
        """Start without frames; ``dim`` is the length of a vector."""
        self._dim = dim
        self._take([], np.empty((0, dim), np.float32), np.empty(0, np.bool_))

    def restore(self, frames: Sequence[tuple[Frame, Vector, bool]]) -> None:
        """Set the frames, each with its vector and whether it was seen in this period."""
        rows = np.array([vector for _, vector, _ in frames], np.float32)
        self._take(
            [frame for frame, _, _ in frames],
            rows.reshape(len(frames), self._dim),
            np.array([seen for _, _, seen in frames], np.bool_),
        )

    @property
    def seen(self) -> dict[FrameKey, bool]:
        """For each frame, whether it was seen in this period."""
        keys = (frame.key for frame in self.frames)
        return dict(zip(keys, self._seen.tolist(), strict=True))

    def nearest(self, vectors: Vectors) -> tuple[Indices, Distances]:
        """Return position and distance of the frame nearest to each of ``vectors`` (B, D).

        Requires at least one frame. O(B N D) for N frames.
        """
        products = np.stack([self._vectors @ vector for vector in vectors])  # (B, N)
        order = np.arange(len(self.frames), dtype=np.int64)
        return nearest(products, vectors, self._vectors, order)

    def mark_seen(self, positions: Indices) -> None:
        """Mark the frames at ``positions`` as seen."""
        self._seen[positions] = True

    def close_period(self, kept: Sequence[tuple[Frame, Vector]], most: int) -> None:
        """Close a period that has kept ``kept``, and carry these frames over.

        Beyond ``most`` frames, those not seen in the period are dropped first, then those seen.
        """
        stay = [*np.flatnonzero(~self._seen), *np.flatnonzero(self._seen)]
        stay = stay[max(0, len(stay) + len(kept) - most) :]
        kept = kept[max(0, len(kept) - most) :]
        frames = [*(self.frames[row] for row in stay), *(frame for frame, _ in kept)]
        vectors = [*self._vectors[stay], *(vector for _, vector in kept)]
        rows = np.array(vectors, np.float32).reshape(len(frames), self._dim)
        self._take(frames, rows, np.zeros(len(frames), np.bool_))

    def remove(self, gone: Iterable[FrameKey]) -> None:
        """Remove frames that are no longer kept."""
        lost = self._keys.intersection(gone)
        if not lost:
            return
        stay = [row for row, frame in enumerate(self.frames) if frame.key not in lost]
        self._take([self.frames[row] for row in stay], self._vectors[stay], self._seen[stay])

    def _take(self, frames: list[Frame], vectors: Vectors, seen: npt.NDArray[np.bool_]) -> None:
        self.frames, self._vectors, self._seen = frames, vectors, seen
        self._keys = {frame.key for frame in frames}
