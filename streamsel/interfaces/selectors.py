"""Seams of selectors: they decide which frames to keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from streamsel.decisions import Event, Verdict
from streamsel.frame import Candidate, FrameKey, Vectors


class Selector(Protocol):
    """Decides which candidates are kept. Used by one thread only."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Add the next candidates of the stream; return the verdicts that are now certain.

        Verdicts come in stream order and may lag behind (look-ahead, calibration, two passes).
        """

    def finish(self) -> list[Verdict]:
        """End the stream: return all outstanding verdicts."""

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""

    @property
    def warnings(self) -> Mapping[str, str]:
        """What users must know about the decisions so far, by feed; empty if nothing."""


class LiveSelector(Selector, Protocol):
    """Selects frames of endless feeds. Used by one thread only.

    Every method that changes the kept set returns the events, in order.
    """

    @property
    def size(self) -> int:
        """Number of representatives: the frames that a new frame is compared with."""

    @property
    def capacity(self) -> int:
        """Current maximum of ``size``."""

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair with an evictable frame; None if no frame is evictable."""

    def resize(self, count: int) -> list[Event]:
        """Keep at most ``count`` frames from now on. Raises :class:`ConfigurationError`."""

    def evict_redundant(self, reason: str) -> list[Event]:
        """Evict one frame of the closest pair; none if all are pinned or none is kept."""

    def forget(self, keys: Collection[FrameKey], reason: str) -> list[Event]:
        """Evict these frames, pinned or not; keys that are not kept are ignored.

        Other frames represent what they represented, as long as there are any.
        """

    @property
    def recallable(self) -> frozenset[FrameKey]:
        """The frames that are not kept but may be recalled: at most ``size``.

        Sinks that store pictures retain those of evicted recallable frames.
        """

    def pin(self, key: FrameKey) -> bool:
        """Pin a frame: only :meth:`forget` evicts it. Return False if it is not kept."""

    def unpin(self, key: FrameKey) -> bool:
        """Unpin a frame, so that it can be evicted again. Return False if it is not kept."""

    @property
    def pinned(self) -> tuple[FrameKey, ...]:
        """The pinned frames, ordered by key."""

    def vectors(self) -> Vectors:
        """Return a copy of the representatives' embeddings, (N, D)."""

    @property
    def coverage_bound(self) -> float:
        """Every frame seen (with a window: within it) is within this of a representative."""

    @property
    def spacing(self) -> float:
        """Smallest distance between two representatives when the set was last full."""

    @property
    def is_state_due(self) -> bool:
        """Whether :meth:`state` must be stored soon, although no frame was kept or evicted."""

    def state(self) -> bytes:
        """Return the state to continue from, apart from the kept frames and their embeddings."""

    def restore(self, state: bytes, kept: Sequence[Candidate]) -> None:
        """Continue, in a new selector, from a state and the kept frames of the record.

        The state may be older than the frames: frames of the state that are no longer kept are
        dropped, kept frames that it does not know are added. Raises :class:`RecordError` if it is
        damaged.
        """
