"""Loads the rows of vector files into arrays for look-up."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.embed.tables.files import VectorRow
from streamsel.embed.tables.layout import Numbers
from streamsel.errors import EmbedderError
from streamsel.frame import FrameKey, Vector, Vectors

BLOCK_ROWS = 1024
"""Vectors are stored in arrays of this many rows, so growing copies nothing."""
_UNIT_TOLERANCE = 1e-5

Index: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""(N,) indices of a feed's frames in ascending order, and their places."""


@dataclass(slots=True)
class _Listed:
    """The rows of one feed in file order: index, place, and file and row number for messages."""

    indices: array[int] = field(default_factory=lambda: array("q"))
    places: array[int] = field(default_factory=lambda: array("q"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    files: array[int] = field(default_factory=lambda: array("H"))


class TableReading:
    """The rows read so far; ``embedder`` is the name and digest in the first row."""

    def __init__(self) -> None:
        self.dim = 0
        self.rows = 0
        self.blocks: list[Vectors] = []
        self.embedder: tuple[str, str] | None = None
        self.reasons: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._feeds: defaultdict[str, _Listed] = defaultdict(_Listed)

    def take(self, row: VectorRow) -> None:
        """Store a row with a vector or a refusal; ignore a row with neither.

        Raises :class:`EmbedderError` for a row that does not fit the earlier ones.
        """
        if row.numbers is None and row.refusal is None:
            return
        if self.embedder is None:
            self.embedder = row.embedder
        with _told(row):
            if row.embedder != self.embedder:
                raise ValueError(
                    f"is by {_called(row.embedder)}, those before by {_called(self.embedder)}: "
                    "vectors of two embedders cannot be compared"
                )
            if row.numbers is None:
                place = ~self.reasons.setdefault(row.refusal or "", len(self.reasons))
            else:
                place = self._store(row.numbers)
        listed = self._feeds[row.key.feed]
        listed.indices.append(row.key.index)
        listed.places.append(place)
        listed.numbers.append(row.number)
        listed.files.append(self._files.setdefault(row.file, len(self._files)))

    def index(self) -> dict[str, Index]:
        """Return each feed's indices in ascending order, and their places.

        Raises :class:`EmbedderError` for a frame that has two different vectors.
        """
        for block in self.blocks:
            block.flags.writeable = False
        return {feed: self._sorted(feed, listed) for feed, listed in self._feeds.items()}

    def _store(self, numbers: Numbers) -> int:
        vector = _unit(numbers)
        if len(vector) != (self.dim or len(vector)):
            raise ValueError(f"its vector has {len(vector)} numbers, those before {self.dim}")
        self.dim = len(vector)
        block, row = divmod(self.rows, BLOCK_ROWS)
        if block == len(self.blocks):
            self.blocks.append(np.empty((BLOCK_ROWS, self.dim), np.float32))
        self.blocks[block][row] = vector
        self.rows += 1
        return self.rows - 1

    def _sorted(self, feed: str, listed: _Listed) -> Index:
        indices = np.array(listed.indices, np.int64)
        places = np.array(listed.places, np.int64)
        order = np.argsort(indices, kind="stable")
        indices, places = indices[order], places[order]
        is_new = np.diff(indices, prepend=-1) != 0
        for at in np.flatnonzero(~is_new):
            if not self._are_same(places[at - 1], places[at]):
                files = list(self._files)
                here, there = (
                    f"{files[listed.files[one]]} {listed.numbers[one]}"
                    for one in (order[at], order[at - 1])
                )
                raise EmbedderError(
                    f"{here}: frame {FrameKey(feed, int(indices[at]))} has another vector than in "
                    f"{there}; leave one of them out"
                )
        return indices[is_new], places[is_new]

    def _are_same(self, one: int, other: int) -> bool:
        if one < 0 or other < 0:
            return one < 0 and other < 0
        rows = [self.blocks[place // BLOCK_ROWS][place % BLOCK_ROWS] for place in (one, other)]
        return np.array_equal(*rows)


def _unit(numbers: Numbers) -> Vector:
    """Normalise a vector; a vector of length 1 within the selectors' tolerance is unchanged."""
    peak = float(np.abs(numbers).max(initial=0.0))
    if not math.isfinite(peak):
        raise ValueError("its vector holds a NaN or an infinity")
    if peak == 0.0:
        raise ValueError("its vector is zero" if len(numbers) else "its vector is empty")
    # The test of the peak keeps the square from overflowing.
    if peak > 2.0 or abs(numbers @ numbers - 1.0) > _UNIT_TOLERANCE:
        numbers = numbers / peak
        numbers = numbers / math.sqrt(numbers @ numbers)
    return numbers.astype(np.float32)


@contextmanager
def _told(row: VectorRow) -> Iterator[None]:
    """Convert errors to :class:`EmbedderError` with file, row and frame in front."""
    try:
        yield
    except ValueError as error:
        raise EmbedderError(f"{row.file} {row.number}: frame {row.key}: {error}") from error


def _called(embedder: tuple[str, str]) -> str:
    name, digest = embedder
    return f"{name!r} ({digest})" if digest else "an embedder that is not named"
