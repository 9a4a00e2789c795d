"""Collects candidates until a look-ahead block is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate


class LookAhead:
    """Cuts a stream of candidates into blocks by position, independent of arrival batches.

    A block ends with its ``frames``-th embedded candidate; refused candidates travel with it, or
    alone if no embedded one is waiting. The first ``hold`` embedded candidates are held back and
    then cut into blocks. The caller must decide one block before taking the next.

    Raises:
        ConfigurationError: ``frames`` or ``hold`` is below 1.
    """

    def __init__(self, frames: int, dim: int, hold: int = 1) -> None:
        for name, number in (("look_ahead", frames), ("calibration_frames", hold)):
            if number < 1:
                raise ConfigurationError(f"selector: {name} is {number}; it must be at least 1")
        self._frames = frames
        self._dim = dim
        self._due = max(frames, hold)
        self._embedded = 0
        self._waiting: list[Candidate] = []

    @property
    def waiting(self) -> Sequence[Candidate]:
        """Candidates that are not part of a block yet."""
        return tuple(self._waiting)

    def take(self, candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
        """Add the next candidates of the stream; yield the blocks that are complete.

        Raises:
            ConfigurationError: The length of an embedding is not ``dim``.
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
        """Yield all waiting candidates; the last block may be shorter."""
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
        """Return the length of the first complete block among the waiting candidates; 0 if none."""
        embedded = 0
        for position, candidate in enumerate(self._waiting):
            embedded += candidate.embedding is not None
            if embedded in (0, self._frames):
                return position + 1
        return 0
