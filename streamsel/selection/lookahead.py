"""Collects candidates until a look-ahead block is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate


class LookAhead:
    """Cuts a stream of candidates into blocks, by their place in it, never by how they come.

    A block ends with its ``frames``-th candidate that has an embedding; refused ones travel with
    it, or alone where none is waited for. The first ``hold`` with an embedding are held back and
    then cut into blocks. One block is to be decided before the next is asked for.

    Raises:
        ConfigurationError: ``frames`` or ``hold`` is below 1.
    """

    def __init__(self, frames: int, dim: int, hold: int = 1) -> None:
        for name, number in (("look_ahead", frames), ("calibration", hold)):
            if number < 1:
                raise ConfigurationError(f"selector: {name} is {number}; it must be at least 1")
        self._frames = frames
        self._dim = dim
        self._due = max(frames, hold)
        self._embedded = 0
        self._waiting: list[Candidate] = []

    @property
    def waiting(self) -> Sequence[Candidate]:
        """What is not part of a block yet."""
        return tuple(self._waiting)

    def take(self, candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
        """Take the next candidates of the stream; yield the blocks that are complete.

        Raises:
            ConfigurationError: An embedding's length is not ``dim``.
        """
        for candidate in candidates:
            if candidate.embedding is not None:
                self._embedded += 1
                if candidate.embedding.shape != (self._dim,):
                    raise ConfigurationError(
                        f"selector: the embedding of {candidate.frame.key} has the shape "
                        f"{candidate.embedding.shape}; it must be ({self._dim},)"
                    )
            self._waiting.append(candidate)
            if self._embedded in (0, self._due):
                yield from self._complete()

    def rest(self) -> Iterator[list[Candidate]]:
        """Yield all that waits; the last block may be shorter."""
        yield from self._complete()
        if self._waiting:
            block, self._waiting, self._embedded = self._waiting, [], 0
            yield block

    def _complete(self) -> Iterator[list[Candidate]]:
        if self._embedded:
            self._due = self._frames
        while end := self._end():
            block = self._waiting[:end]
            del self._waiting[:end]
            self._embedded -= sum(candidate.embedding is not None for candidate in block)
            yield block

    def _end(self) -> int:
        """Return the length of the first complete block among what waits; 0: there is none."""
        embedded = 0
        for position, candidate in enumerate(self._waiting):
            embedded += candidate.embedding is not None
            if embedded in (0, self._frames):
                return position + 1
        return 0
