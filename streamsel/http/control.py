"""The interface the HTTP server uses to query and control the service.

Its protocols have one implementation each, in rooms that HTTP must not import: the service lies
above it, and it knows no sources.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streamsel.decisions import FeedStatus
from streamsel.frame import FrameKey
from streamsel.record.gallery import FrameView
from streamsel.record.values import GoneScope


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A position in the list of kept frames, which is sorted in descending order.

    Compares like an SQL row, ``(wall_time, feed, idx) < (?, ?, ?)``. With the defaults it is below
    everything received at ``wall_time`` (UTC epoch seconds).
    """

    wall_time: float
    feed: str = ""
    index: int = -1


@dataclass(frozen=True, slots=True)
class FeedView:
    """A feed as shown to users.

    ``scope`` is the feed, or the group that shares its coreset; ``kept`` is the number of frames
    kept in that coreset, ``count`` their maximum (None: not settable, because the budget is a
    share). ``takes_sender``: it is a push feed waiting for a WebRTC sender. ``display_name`` is the
    name for people; None if it is the same.
    """

    status: FeedStatus
    enabled: bool
    scope: str
    count: int | None
    kept: int
    takes_sender: bool = False
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a frame is kept, in ``words``, with the frame that was ``nearest`` at admission.

    ``nearest`` is None if there was none, or it is no longer kept.
    """

    frame: FrameView
    nearest: FrameView | None
    words: str


class ServiceControl(Protocol):
    """The operations that the HTTP server uses. Called on the event loop.

    Operations that wait for a disk or for the judge are async and run in the thread concerned; a
    :class:`StreamselError` becomes a 503 response with its message. A call is cancelled after ten
    seconds.
    """

    @property
    def folder(self) -> Path | None:
        """The run's folder; None if no pictures are stored."""

    def feeds(self) -> Sequence[FeedView]:
        """Return every feed, in the order of the configuration. Must not block."""

    def unready(self) -> Sequence[str]:
        """Return why the service is not ready, one line each: feeds not tried yet, failing sinks.

        Empty if it is ready. Must not block.
        """

    async def frames(
        self, feed: str | None, limit: int, before: Position | None
    ) -> Sequence[FrameView]:
        """Return the newest ``limit`` kept frames (of one feed) below ``before``, newest first."""

    async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
        """Return those of these frames that are kept and stored, in their order."""

    async def explain(self, key: FrameKey) -> Explanation | None:
        """Explain why a frame is kept. None if it is not, or its picture is not stored."""

    async def claims(self, path: str) -> bool:
        """Whether the record claims this file, a path relative to the folder, for a kept frame."""

    async def gone(self) -> Sequence[GoneScope]:
        """Return the stored frames of removed feeds and groups, by name."""

    async def remove_gone(self, scope: str) -> int:
        """Delete the stored frames of one of these; return their number.

        Raises :class:`ConfigurationError` for one that is part of the service.
        """

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin or unpin a frame. False if it is not kept."""

    async def set_enabled(self, feed: str, enabled: bool) -> bool:
        """Enable or disable a feed. False if there is none of that name."""

    async def set_count(self, feed: str, count: int) -> bool:
        """Change the maximum number of frames of a feed's coreset. False for an unknown feed.

        Raises :class:`ConfigurationError` for an invalid count.
        """


class SenderAnswer(Protocol):
    """The answer to a WebRTC sender, and the name of its session."""

    @property
    def session(self) -> str:
        """The session's name, impossible to guess."""

    @property
    def sdp(self) -> str:
        """The SDP answer."""


class SenderControl(Protocol):
    """Accepts WebRTC senders; see ``streamsel.sources.webrtc.ingest``."""

    def feeds(self) -> Collection[str]:
        """Return the feeds that accept a sender now."""

    async def offer(self, feed: str, sdp: str) -> SenderAnswer:
        """Answer an offer.

        Raises :class:`OfferError`, :class:`UnsupportedError` and :class:`BusyError`.
        """

    async def end(self, feed: str, session: str) -> bool:
        """End a session. False if there is none."""
