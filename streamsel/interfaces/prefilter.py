"""Seams of the prefilter: thumbnails and checks of frames before they are embedded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.decisions import Fault
from streamsel.frame import (
    ChromaGrid,
    Frame,
    LumaGrid,
    LumaRows,
    Picture,
    PrefilteredFrame,
    PrefilterState,
    Thumbnail,
    View,
)


class Thumbnailer(Protocol):
    """Reduces decoded pictures to thumbnails and luma grids without converting them in full.

    The same pixels always give the same result. Arrays are read-only and belong to the caller.
    Raises :class:`SourceError` for a picture that was dropped.
    """

    def luma_grid(self, picture: Picture) -> LumaGrid:
        """Return the luma of the picture as stored, averaged down to (32, 32) uint8."""

    def chroma_grid(self, picture: Picture) -> ChromaGrid:
        """Return U and V, each averaged down: (2, 32, 32) uint8; 128 is no colour."""

    def luma_rows(self, picture: Picture, rows: int = 32) -> LumaRows:
        """Return evenly spaced rows of the luma plane at full width, (R, W) uint8.

        R is ``rows``, or the height if that is less.
        """

    def luma_range(self, picture: Picture) -> tuple[int, int]:
        """Return what black and white are in luma: 16, 235, or in full range 0, 255."""

    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        """Return the upright picture as the view defines it, (S, S, 3) uint8 full-range RGB."""


class Prefilter(Protocol):
    """Checks each frame of one feed before it is embedded; refuses useless frames.

    Decisions depend only on the frames so far, never on timing or batching.
    """

    def check(self, frame: Frame) -> PrefilteredFrame:
        """Check one frame; call in stream order."""

    @property
    def memory(self) -> int:
        """Number of digests of earlier frames that its decisions depend on."""

    def resume(self, state: PrefilterState, digests: Sequence[int]) -> None:
        """Continue after the frames checked in an earlier run.

        ``state`` is that of the last prefiltered frame; ``digests`` are those of the frames that
        were not refused, in stream order, at most the last ``memory`` of them.
        """


class ViewWatch(Protocol):
    """Detects when the view of one feed becomes useless. Decides about no frame."""

    def check(self, prefiltered: PrefilteredFrame) -> Fault | None:
        """Return the feed's fault as of this frame, or None.

        Call in stream order, before the picture is dropped. Raises :class:`SourceError`.
        """
