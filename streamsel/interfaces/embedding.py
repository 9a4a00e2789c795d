"""Seams of embedding: networks and tables that give frames their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.frame import Candidate, PrefilteredFrame, Thumbnail, Vectors, View


class VectorSpace(Protocol):
    """What made vectors, and of what."""

    @property
    def name(self) -> str:
        """The name that selects the embedder, e.g. ``builtin``; of a table that names none, its."""

    @property
    def digest(self) -> str:
        """Hex hash of what made the vectors; equal digests mean comparable vectors."""

    @property
    def view(self) -> View:
        """How its thumbnails must be made."""

    @property
    def dim(self) -> int:
        """Length of a vector."""


class Embedder(VectorSpace, Protocol):
    """Maps thumbnails to unit vectors."""

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        """Embed any number of (S, S, 3) uint8 RGB thumbnails.

        Returns (N, D) read-only float32 unit vectors. The vector of a thumbnail does not depend on
        its neighbours in the batch, on the batch size, or on the number of threads.
        """


class Embeddings(VectorSpace, Protocol):
    """Gives frames their vectors: computed by an :class:`Embedder`, or from a table."""

    def candidates(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[Candidate]:
        """Return a candidate for each prefiltered frame, in order, and release the thumbnails.

        A refused frame has no embedding; a table may refuse further frames. A frame's embedding,
        (D,) read-only, does not depend on the frames beside it. Raises :class:`EmbedderError` if an
        embedding cannot be computed or found.
        """
