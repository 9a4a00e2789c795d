"""Training footage: thumbnails with their times, bounded by memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.embed.finetune.recipe import FAR_SECONDS, NEAR_SECONDS
from streamsel.errors import ConfigurationError
from streamsel.frame import Thumbnail

PICTURE_SIDE_PX = 96
"""1.5 times the network's input, so that crops keep their detail."""

FEWEST_TRAINED = 48
FEWEST_HELD_OUT = 16
_STRETCH = 8
_GAP_SHARE = 0.05
_ROUNDING = 1e-3

Rows: TypeAlias = npt.NDArray[np.int64]
"""(N,) indices of frames."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFootage:
    """Frames in order of feed and time.

    ``pictures`` is (N, 96, 96, 3) uint8 RGB, ``times`` (N,) float64 seconds of media time,
    ``feeds`` (N,) int64 the number of each frame's feed.
    """

    pictures: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]
    feeds: Rows

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: Rows) -> TrainingFootage:
        """Return these frames; ``rows`` must ascend."""
        return TrainingFootage(self.pictures[rows], self.times[rows], self.feeds[rows])

    @property
    def digest(self) -> str:
        """Hex hash of pictures, times and feeds."""
        digest = hashlib.sha256()
        for array in (self.pictures, self.times, self.feeds):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]

    def neighbours(self) -> tuple[Rows, Rows]:
        """Return the first and the last frame of each frame's moment: (N,) and (N,)."""
        if not len(self):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        apart = float(self.times.max() - self.times.min()) + FAR_SECONDS
        line = self.times + apart * self.feeds  # ascending, feeds out of each other's reach
        reach = NEAR_SECONDS + _ROUNDING
        first = np.searchsorted(line, line - reach, "left")
        last = np.searchsorted(line, line + reach, "right") - 1
        return first.astype(np.int64), last.astype(np.int64)


class Gatherer:
    """Samples footage of unknown length evenly in one pass, up to ``most`` frames.

    Frames are collected in stretches of eight, so neighbours stay together. When there are too
    many frames, every other stretch is discarded, and from then on the stride between collected
    stretches is doubled. ``most`` must be at least 64.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._stride = 1
        self._begun = 0
        self._held: dict[int, list[tuple[int, float, Thumbnail]]] = {}
        self._frames = 0
        self._current: list[tuple[int, float, Thumbnail]] = []
        self._feed = -1

    def __len__(self) -> int:
        return self._frames

    def begin_feed(self) -> None:
        """Start the next feed."""
        self._feed += 1
        self._begin_stretch()

    def add(self, time: float, picture: Thumbnail) -> None:
        """Add the next frame of the feed; ``picture`` is (96, 96, 3) uint8."""
        if len(self._current) == _STRETCH:
            self._begin_stretch()
        self._current.append((self._feed, time, picture))
        if self._begun - 1 in self._held:
            self._frames += 1
        while self._frames > self._most and len(self._held) > 1:
            self._thin()

    def footage(self) -> TrainingFootage:
        """Return the collected frames in order of feed and time."""
        frames = [frame for stretch in self._held.values() for frame in stretch]
        frames.sort(key=lambda frame: frame[:2])
        side = PICTURE_SIDE_PX
        pictures = np.empty((len(frames), side, side, 3), np.uint8)
        for row, (_, _, picture) in enumerate(frames):
            pictures[row] = picture
        return TrainingFootage(
            pictures,
            np.array([time for _, time, _ in frames], np.float64),
            np.array([feed for feed, _, _ in frames], np.int64),
        )

    def _begin_stretch(self) -> None:
        self._current = []
        if self._begun % self._stride == 0:
            self._held[self._begun] = self._current
        self._begun += 1

    def _thin(self) -> None:
        self._stride *= 2
        self._held = {at: held for at, held in self._held.items() if at % self._stride == 0}
        self._frames = sum(map(len, self._held.values()))


HeldOutBy: TypeAlias = Literal["feed", "time"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Footage for training and held-out footage: whole feeds, or the end (``time``) of each."""

    trained: TrainingFootage
    held_out: TrainingFootage
    by: HeldOutBy


def split(footage: TrainingFootage, share: float, seed: int) -> Split:
    """Hold out about a share of the frames.

    Holds out whole feeds if some of them together are near the share; otherwise the end of each
    feed, after a gap that belongs to neither part, because a frame next to a trained one is no
    independent test. Raises :class:`ConfigurationError` if either part is too small.
    """
    held = _whole_feeds(footage, share, seed)
    if held.any():
        parts = Split(_where(footage, ~held), _where(footage, held), "feed")
    else:
        trained, held = _ends(footage, share)
        parts = Split(_where(footage, trained), _where(footage, held), "time")
    if len(parts.trained) < FEWEST_TRAINED or len(parts.held_out) < FEWEST_HELD_OUT:
        raise ConfigurationError(
            f"too little footage: {len(parts.trained)} frames to learn from and "
            f"{len(parts.held_out)} held out; at least {FEWEST_TRAINED} and {FEWEST_HELD_OUT} are "
            "needed, and hundreds are better: give more footage, or look at more of it with --fps"
        )
    return parts


def _whole_feeds(footage: TrainingFootage, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return an (N,) mask of whole feeds with 0.5 to 1.5 of the share; all False if none fit."""
    feeds, counts = np.unique(footage.feeds, return_counts=True)
    chosen: list[int] = []
    taken, wanted = 0, share * len(footage)
    for place in np.random.default_rng(seed).permutation(len(feeds)).tolist():
        if taken < wanted and taken + counts[place] <= 1.5 * wanted:
            chosen.append(int(feeds[place]))
            taken += int(counts[place])
    return np.isin(footage.feeds, chosen if taken >= wanted / 2 else [])


def _ends(
    footage: TrainingFootage, share: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return (N,) masks of each feed's trained and held-out frames."""
    trained, held = np.zeros(len(footage), bool), np.zeros(len(footage), bool)
    for feed in np.unique(footage.feeds).tolist():
        rows = footage.feeds == feed
        first, last = footage.times[rows].min(), footage.times[rows].max()
        cut = last - share * (last - first)
        gap = min(FAR_SECONDS, _GAP_SHARE * (last - first))
        held |= rows & (footage.times > cut)
        trained |= rows & (footage.times <= cut - gap)
    return trained, held


def _where(footage: TrainingFootage, chosen: npt.NDArray[np.bool_]) -> TrainingFootage:
    return footage.take(np.flatnonzero(chosen).astype(np.int64))
