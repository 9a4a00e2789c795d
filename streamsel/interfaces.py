"""Every seam of the line, on one page.

    Source -> Screen -> inbox -> Embedder (a batch) -> Selector -> Verdict -> mailbox -> Sink

Nothing points back: no stage holds an earlier or a later one. All are synchronous; concurrency
lives in ``streamsel.runtime`` alone. A source and its screen run in one thread of their own, the
embedder and the selector in another, each sink in another.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Protocol

from streamsel.event import FeedReport, Verdict
from streamsel.frame import (
    Candidate,
    Frame,
    FrameKey,
    LumaRows,
    Picture,
    ScreenState,
    Sighting,
    Sketch,
    Thumbnail,
    Vectors,
)


class Source(Protocol):
    """Opens a feed and yields its frames."""

    @property
    def feed(self) -> str:
        """Unique name of the feed within a run; safe as a folder's name."""

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""

    @property
    def expected_frames(self) -> int | None:
        """How many frames will come, exactly where cheap, else an estimate; None if unknowable."""

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames in presentation order, from index ``start``.

        Raises :class:`SourceError` when the feed cannot be opened or is lost; frames that were
        yielded before stay valid. Closing the generator releases everything.
        """

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, in ascending order of index."""

    @property
    def fingerprint(self) -> str:
        """Changes when the feed's content does, as far as can be told cheaply; may be empty."""

    def stop(self) -> None:
        """Let ``frames`` or ``fetch`` end at the next frame, for good. Safe from any thread."""

    def warnings(self) -> Sequence[str]:
        """What was wrong with the feed without ending it (damaged packets, early end), so far."""


class Eye(Protocol):
    """Takes from a decoded picture, without converting all of it, what decisions are made of.

    The same pixels give the same result, always. Arrays are read-only and belong to the caller.
    Raises :class:`SourceError` for a picture that was dropped.
    """

    def sketch(self, picture: Picture) -> Sketch:
        """Return the luma of the picture as stored, averaged down to (32, 32) uint8."""

    def luma_rows(self, picture: Picture) -> LumaRows:
        """Return evenly spaced rows of the luma plane at full width, (R, W) uint8."""

    def thumbnail(self, picture: Picture, size: int) -> Thumbnail:
        """Return the whole upright picture as (size, size, 3) uint8 full-range RGB."""


class Screen(Protocol):
    """Looks at each frame of one feed before the embedder does, and refuses what is not worth it.

    Decisions depend on the frames so far alone, never on timing or batching.
    """

    def look(self, frame: Frame) -> Sighting:
        """Judge one frame; call in stream order."""

    @property
    def memory(self) -> int:
        """How many digests of earlier frames its decisions depend on."""

    def resume(self, state: ScreenState, digests: Sequence[int]) -> None:
        """Continue after frames that were looked at in an earlier run.

        ``state`` is that of the last one's sighting; ``digests`` are those of the frames that
        were not refused, in stream order, the last ``memory`` of them where there are more.
        """


class Embedder(Protocol):
    """Maps thumbnails to unit vectors."""

    @property
    def name(self) -> str:
        """How to ask for this embedder again, e.g. ``builtin``."""

    @property
    def digest(self) -> str:
        """Hex hash of the weights; equal digests mean comparable vectors."""

    @property
    def input_size(self) -> int:
        """Side of the square thumbnail it wants, in pixels."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        """Embed any number of (S, S, 3) uint8 RGB thumbnails.

        Returns (N, D) read-only float32 unit vectors. A thumbnail's vector does not depend on its
        neighbours in the batch, on the batch's size, or on the number of threads.
        """


class Selector(Protocol):
    """Decides which candidates are kept. Touched by one thread alone."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Take the next candidates of the stream; return the verdicts that are now certain.

        Verdicts come in stream order and may lag behind (look-ahead, calibration, two passes).
        """

    def finish(self) -> list[Verdict]:
        """The stream has ended: return every verdict still owed."""

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The frames that are kept now, in order of their key."""


class Sink(Protocol):
    """Stores or sends what was decided. Idempotent by frame key."""

    def write(self, verdicts: Sequence[Verdict]) -> None:
        """Record verdicts and act on their events. Raises :class:`SinkError`."""

    def feed_ended(self, report: FeedReport) -> None:
        """Record how a feed ended. Verdicts of its last frames may still follow."""

    def missing(self) -> Sequence[FrameKey]:
        """Kept frames whose picture this sink has not got, because it was dropped on the way."""

    def supply(self, frame: Frame) -> None:
        """Store the picture of a frame that was missing."""

    def close(self, complete: bool) -> None:
        """Write what is still in hand. ``complete`` is False when the run was interrupted."""


class Observer(Protocol):
    """Sees what happens on the line, for progress, counts and metrics. Called on the loop."""

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """A feed is about to be read; ``done_frames`` were judged in an earlier run."""

    def seen(self, sightings: Sequence[Sighting]) -> None:
        """Frames were read and screened."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Frames were judged."""

    def feed_ended(self, report: FeedReport) -> None:
        """A feed ended."""
