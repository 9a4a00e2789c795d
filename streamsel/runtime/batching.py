"""Whole batches for the embedder, which pays for a full one whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsel.frame import Sighting

_MOST_WAITING = 256


class Batcher:
    """Gathers sightings in stream order until ``size`` of them are to be embedded.

    Refused ones travel along in their places; after 256 sightings a batch is handed on as it is,
    so a feed that does not change is bounded too.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[Sighting] = []
        self._passing = 0

    def add(self, sightings: Sequence[Sighting]) -> Iterator[list[Sighting]]:
        """Take the next sightings; yield every batch that is complete with them."""
        for sighting in sightings:
            self._waiting.append(sighting)
            self._passing += sighting.refusal is None
            if self._passing == self._size or len(self._waiting) == _MOST_WAITING:
                yield self.rest()

    def rest(self) -> list[Sighting]:
        """Hand on what waits, complete or not."""
        waiting, self._waiting, self._passing = self._waiting, [], 0
        return waiting
