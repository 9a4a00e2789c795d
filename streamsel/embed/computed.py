"""Computes embeddings of prefiltered frames with an embedder, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamsel.errors import EmbedderError
from streamsel.frame import Candidate, PrefilteredFrame
from streamsel.interfaces.embedding import Embedder


class ComputedEmbeddings:
    """Embeddings computed by an embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self.digest = embedder.digest
        self.view = embedder.view
        self.dim = embedder.dim
        self._embedder = embedder

    def candidates(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[Candidate]:
        """Embed the frames that were not refused, and release the thumbnails.

        Raises :class:`EmbedderError` for vectors of a wrong shape, because embedders may be
        third-party.
        """
        thumbnails = [seen.thumbnail for seen in prefiltered_frames if seen.thumbnail is not None]
        if not thumbnails:
            return [Candidate(seen, None) for seen in prefiltered_frames]
        vectors = self._embedder.embed(thumbnails)
        wanted = (len(thumbnails), self.dim)
        if not isinstance(vectors, np.ndarray) or vectors.shape != wanted:
            told = getattr(vectors, "shape", type(vectors).__name__)
            origin = type(self._embedder).__module__
            raise EmbedderError(
                f"embedder {self.name!r} ({origin}) returned {told}; "
                f"it must return an array {wanted} for {len(thumbnails)} thumbnails"
            )
        rows = iter(vectors)
        return [
            Candidate(replace(seen, thumbnail=None), None if seen.thumbnail is None else next(rows))
            for seen in prefiltered_frames
        ]
