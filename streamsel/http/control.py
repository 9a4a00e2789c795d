"""The interface the HTTP server uses to query and control the service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streamsel.decisions import FeedStatus
from streamsel.frame import FrameKey
from streamsel.record.values import GoneScope


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place among the kept frames, which are listed from the greatest to the least.

    Compares as a row of SQL does, ``(wall_time, feed, idx) < (?, ?, ?)``. With the defaults it is
    below all that was received at ``wall_time`` (UTC epoch seconds).
    """

    wall_time: float
    feed: str = ""
    index: int = -1


@dataclass(frozen=True, slots=True)
class FeedView:
    """A feed as it is shown.

    ``scope`` is the feed, or the group that shares its coreset; ``kept`` how many frames that
    coreset keeps now, ``count`` the most that it may (None: that cannot be set, a share is kept).
    ``takes_sender``: it waits for a sender to call. ``display_name`` is what people call it, None
    where that is its name.
    """

    status: FeedStatus
    enabled: bool
    scope: str
    count: int | None
    kept: int
    takes_sender: bool = False
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class FrameView:
    """A kept frame as the record has it.

    ``path`` is that of its picture, relative to the run's folder; ``wall_time`` UTC epoch
    seconds; ``distance`` to the frame ``nearest`` when it was admitted.
    """

    key: FrameKey
    wall_time: float
    media_time: float
    path: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    distance: float | None
    nearest: str | None
    reason: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a frame is kept, in ``words``, beside the frame that was ``nearest`` to it then.

    ``nearest`` is None where there was none, or it is not kept any more.
    """

    frame: FrameView
    nearest: FrameView | None
    words: str


class ServiceControl(Protocol):
    """Answers what the service asks. All of it is called on the loop.

    What must wait for a disk or for the judge is async and hands the work to its thread; it may
    raise a :class:`StreamselError`, which is answered with 503 and its message. A call that takes
    longer than ten seconds is cancelled.
    """

    @property
    def folder(self) -> Path | None:
        """The run's folder; None where no pictures are stored."""

    def feeds(self) -> Sequence[FeedView]:
        """Every feed of the configuration, in its order. Must not block."""

    def unready(self) -> Sequence[str]:
        """Why the service is not ready, a line each: feeds not tried yet, sinks that fail.

        Empty where it is. Must not block.
        """

    async def frames(
        self, feed: str | None, limit: int, before: Position | None
    ) -> Sequence[FrameView]:
        """The newest ``limit`` kept frames (of one feed) below ``before``, newest first."""

    async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
        """Those of these frames that are kept and whose pictures are stored, in their order."""

    async def explain(self, key: FrameKey) -> Explanation | None:
        """Say why a frame is kept. None where it is not, or its picture is not stored."""

    async def claims(self, path: str) -> bool:
        """Whether the record claims this file, a path relative to the folder, for a kept frame."""

    async def gone(self) -> Sequence[GoneScope]:
        """What is kept of feeds and groups that are no longer part of the service, by name."""

    async def remove_gone(self, scope: str) -> int:
        """Remove what is kept of one of these; return how many frames that was, 0: of none.

        Raises :class:`ConfigurationError` for one that is part of the service.
        """

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        """Pin a frame, or let go of it. False where it is not kept."""

    async def set_enabled(self, feed: str, enabled: bool) -> bool:
        """Switch a feed on or off. False where there is none of that name."""

    async def set_count(self, feed: str, count: int) -> bool:
        """Keep at most so many frames in the feed's coreset. False where there is no such feed.

        Raises :class:`ConfigurationError` where the count cannot be.
        """


class SenderAnswer(Protocol):
    """The answer to a sender, and the name of its session."""

    @property
    def session(self) -> str:
        """Names the session; cannot be guessed."""

    @property
    def sdp(self) -> str:
        """What the sender is to be told."""


class SenderControl(Protocol):
    """Takes senders of video; see ``streamsel.sources.webrtc.ingest``."""

    def feeds(self) -> Collection[str]:
        """The feeds that take a sender now."""

    async def offer(self, feed: str, sdp: str) -> SenderAnswer:
        """Answer an offer.

        Raises :class:`OfferError`, :class:`UnsupportedError` and :class:`BusyError`.
        """

    async def end(self, feed: str, session: str) -> bool:
        """End a session. False where there is none."""
