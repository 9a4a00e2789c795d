"""Precomputed embeddings, looked up by feed and index."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamsel.embed.tables.files import read_rows
from streamsel.embed.tables.reading import BLOCK_ROWS, Index, TableReading
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Candidate, FrameKey, PrefilteredFrame, View

_NOTHING: Index = (np.empty(0, np.int64), np.empty(0, np.int64))


class TableEmbeddings:
    """Precomputed vectors from files; an ``Embeddings``.

    A vector of length 1, up to rounding, is used unchanged, to the bit; others are normalised. A
    frame listed as refused, without a vector, is refused for the same reason. Name and digest are
    those of the embedder in the files; else ``file:`` with the file names, and a hash of their
    content.

    Memory: 4 D + 16 bytes per row. A lookup is a binary search.
    """

    view = View(64)

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read the files, in any order.

        Raises :class:`EmbedderError`, naming file, row and frame, for unreadable content, vectors
        of different lengths, zero or non-finite vectors, and frames with two vectors;
        :class:`ConfigurationError` for unknown file types.
        """
        self._paths = ", ".join(str(path) for path in paths)
        reading = TableReading()
        for path in paths:
            for row in read_rows(path):
                reading.take(row)
        if not reading.rows:
            raise EmbedderError(f"{self._paths}: no vectors in there")
        self.dim = reading.dim
        self.name, self.digest = reading.embedder or ("", "")
        if not self.digest:
            self.name = "file:" + "+".join(sorted(path.name for path in paths))
            self.digest = _digest(paths)
        self._blocks = reading.blocks
        self._reasons = list(reading.reasons)
        self._feeds = reading.index()

    def require_any(self, feeds: Sequence[str]) -> None:
        """Raise :class:`ConfigurationError` if none of these feeds is in the files."""
        if not any(feed in self._feeds for feed in feeds):
            raise ConfigurationError(
                f"{self._paths}: nothing about {_some(feeds)}; there is {_some(self._feeds)}"
            )

    def candidates(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[Candidate]:
        """Look up the frames that were not refused; :class:`EmbedderError` for missing ones."""
        return [self._candidate(seen) for seen in prefiltered_frames]

    def _candidate(self, seen: PrefilteredFrame) -> Candidate:
        if seen.thumbnail is None:
            return Candidate(seen, None)
        place = self._place(seen.frame.key)
        if place < 0:
            return Candidate(replace(seen, thumbnail=None, refusal=self._reasons[~place]), None)
        block, row = divmod(place, BLOCK_ROWS)
        return Candidate(replace(seen, thumbnail=None), self._blocks[block][row])

    def _place(self, key: FrameKey) -> int:
        """Return the row of a frame's vector; below 0: the complement of the reason's position."""
        indices, places = self._feeds.get(key.feed, _NOTHING)
        at = int(np.searchsorted(indices, key.index))
        if at == len(indices) or indices[at] != key.index:
            listed = int(np.count_nonzero(places >= 0))
            raise EmbedderError(
                f"{self._paths}: no vector of frame {key}, which is to be judged; there are "
                f"{listed:,} of feed {key.feed!r}: give a file with one for every frame that is "
                "read (streamsel export --what all)"
            )
        return int(places[at])


def _digest(paths: Sequence[Path]) -> str:
    """Hash the content of the files, in any order."""
    digests = []
    for path in paths:
        with open(path, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(digests) > 1:
        digests = [hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()]
    return digests[0][:16]


def _some(feeds: Collection[str]) -> str:
    """Name a few feeds."""
    more = f" and {len(feeds) - 3} more" if len(feeds) > 3 else ""
    return ", ".join(repr(feed) for feed in list(feeds)[:3]) + more
