"""Every seam of the line, on one page.

    Source -> Prefilter -> inbox -> Embeddings (a batch) -> Selector -> Verdict -> mailbox -> Sink

Nothing points back: no stage holds an earlier or a later one. All are synchronous; concurrency
lives in ``streamsel.runtime`` alone. A source and its prefilter run in one thread of their own, the
embeddings and the selector in another, each sink in another.

A live feed runs down the same line. Its source is opened again whenever it ends, its frames are
never fetched a second time, its selector never finishes, and its sinks are told of each turn of
the judge as a whole; those seams follow at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Generator, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from streamsel.decisions import (
    DropReason,
    Event,
    Fault,
    FeedReport,
    FeedStatus,
    Rhythm,
    SelectionUpdate,
    SourceCounters,
    Verdict,
)
from streamsel.frame import (
    Candidate,
    Frame,
    FrameKey,
    LumaGrid,
    LumaRows,
    Picture,
    PrefilteredFrame,
    PrefilterState,
    Thumbnail,
    Vectors,
    View,
)

Item = TypeVar("Item")
Result = TypeVar("Result")


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

    @property
    def expected_seconds(self) -> float | None:
        """How much media time will come, as far as that can be known; else None."""

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


class OrderedMap(Protocol):
    """Works on the items of a stream before they are asked for, several at once."""

    @property
    def workers(self) -> int:
        """How many items are worked on at once, each in a thread of its own."""

    @property
    def room_bytes(self) -> int:
        """How much of what comes of one item may wait until it is asked for, at least."""

    def run(
        self,
        work: Callable[[int, Item], Iterator[Result]],
        items: Iterator[Item],
        weigh: Callable[[Result], int],
    ) -> Generator[Result, None, None]:
        """Yield what ``work`` makes of each item, in the order of the items.

        ``work`` is given the number of its worker, 0 and up, and an item; of one number there is
        one call at a time. ``items`` are drawn by one thread at a time. ``weigh`` says how many
        bytes a result keeps alive. Raises, in its place, what ``work`` or ``items`` raised.
        Closing the generator ends all work and waits for it.
        """


class Loop(Protocol):
    """An event loop in a thread of its own. Safe from any thread."""

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and wait for it, in a thread that may."""

    async def ask(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and await it in another loop."""

    def close(self) -> None:
        """Cancel what runs there, and let the thread leave; nothing can be asked any more."""


class Thumbnailer(Protocol):
    """Takes from a decoded picture, without converting all of it, what decisions are made of.

    The same pixels give the same result, always. Arrays are read-only and belong to the caller.
    Raises :class:`SourceError` for a picture that was dropped.
    """

    def luma_grid(self, picture: Picture) -> LumaGrid:
        """Return the luma of the picture as stored, averaged down to (32, 32) uint8."""

    def luma_rows(self, picture: Picture) -> LumaRows:
        """Return evenly spaced rows of the luma plane at full width, (R, W) uint8."""

    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        """Return what the view shows of the upright picture, (S, S, 3) uint8 full-range RGB."""


class Prefilter(Protocol):
    """Looks at each frame of one feed before the embedder does, and refuses what is not worth it.

    Decisions depend on the frames so far alone, never on timing or batching.
    """

    def check(self, frame: Frame) -> PrefilteredFrame:
        """Judge one frame; call in stream order."""

    @property
    def memory(self) -> int:
        """How many digests of earlier frames its decisions depend on."""

    def resume(self, state: PrefilterState, digests: Sequence[int]) -> None:
        """Continue after frames that were looked at in an earlier run.

        ``state`` is that of the last one's prefiltered frame; ``digests`` are those of the frames
        that were not refused, in stream order, the last ``memory`` of them where there are more.
        """


class ViewWatch(Protocol):
    """Says whether what a feed shows is of use. Of one feed; decides about no frame."""

    def check(self, prefiltered: PrefilteredFrame) -> Fault | None:
        """Return what is wrong with the feed, as of this prefiltered frame; None: nothing.

        Call in stream order, before the picture is dropped. Raises :class:`SourceError`.
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
    def view(self) -> View:
        """How it wants its thumbnails made."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        """Embed any number of (S, S, 3) uint8 RGB thumbnails.

        Returns (N, D) read-only float32 unit vectors. A thumbnail's vector does not depend on its
        neighbours in the batch, on the batch's size, or on the number of threads.
        """


class Embeddings(Protocol):
    """Gives frames their vectors: an :class:`Embedder` computes them, or a table has them."""

    @property
    def name(self) -> str:
        """That of the embedder the vectors come from, or of the table where it does not say."""

    @property
    def digest(self) -> str:
        """Hex hash of what made the vectors; equal digests mean comparable vectors."""

    @property
    def view(self) -> View:
        """How the thumbnails of prefiltered frames are to be made."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def candidates(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[Candidate]:
        """Return the candidate for each prefiltered frame, in order, and let go of the thumbnails.

        One that was refused has no embedding; a table may refuse another. A frame's embedding, (D,)
        read-only, does not depend on the prefiltered frames beside it. Raises
        :class:`EmbedderError` where one cannot be given.
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

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Frames were read and prefiltered."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Frames were judged."""

    def feed_ended(self, report: FeedReport) -> None:
        """A feed ended."""


class LiveSource(Protocol):
    """Opens a feed that has no end, as often as it takes."""

    @property
    def feed(self) -> str:
        """Unique name of the feed within a service; safe as a folder's name and as a topic."""

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""

    @property
    def is_push(self) -> bool:
        """Whether the sender connects to it: waiting is what it does, and not worth a delay."""

    @property
    def rhythm(self) -> Rhythm:
        """How its pictures come; may be another once a session is open. Safe from any thread."""

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Connect once and yield what comes, until it ends.

        The first frame has the index ``start`` and the media time ``media_time``; indices count
        up by one, media time goes on by the sender's clock. ``wall_time`` and ``received`` say
        when a frame came. Ends by raising :class:`SourceError`, also where the sender ended in
        good order, because a live feed has no end; returns only after :meth:`stop`, or at the end
        of a file, see :attr:`rhythm`. A connection that hangs is given up after the time that the
        source allows. Closing the generator releases everything. One thread at a time opens, reads
        and closes.
        """

    def tally(self) -> SourceCounters:
        """What was counted so far, over all sessions. Safe from any thread."""

    def stop(self) -> None:
        """Let the session end at the next packet, for good. Safe from any thread."""


class Footage(Protocol):
    """Holds the newest packets of a live feed, for clips around frames."""

    def clip(self, received: float, before: float, after: float) -> bytes:
        """Return a video file of what was received around a moment, nothing encoded anew.

        ``received`` is monotonic seconds, the others seconds around it; it begins at a keyframe.
        Raises :class:`SourceError` where that is not held any more. Safe from any thread.
        """


class LiveSelector(Selector, Protocol):
    """Selects among frames that never end. Touched by one thread alone.

    Every method that changes the kept set returns the events of that, in order.
    """

    @property
    def size(self) -> int:
        """How many frames represent what was seen: those that a new one is compared with."""

    @property
    def capacity(self) -> int:
        """The most that ``size`` may be, now."""

    @property
    def redundancy(self) -> float | None:
        """Distance of the closest pair of which one may be evicted; None where none may."""

    def resize(self, count: int) -> list[Event]:
        """Keep at most ``count`` from now on. Raises :class:`ConfigurationError`."""

    def evict_redundant(self, reason: str) -> list[Event]:
        """Evict one of the closest pair; nothing where all are pinned or none is kept."""

    def forget(self, keys: Collection[FrameKey], reason: str) -> list[Event]:
        """Evict these, pinned or not; those that are not kept are passed over.

        What they stood for is represented by others from now on, as long as there are any.
        """

    @property
    def recallable(self) -> frozenset[FrameKey]:
        """The frames that are not kept and may stand in again: at most ``size``.

        Who stores pictures holds on to those of them that were evicted.
        """

    def pin(self, key: FrameKey) -> bool:
        """Never evict this frame, except by :meth:`forget`. False where it is not kept."""

    def unpin(self, key: FrameKey) -> bool:
        """Let this frame be evicted again. False where it is not kept."""

    @property
    def pinned(self) -> tuple[FrameKey, ...]:
        """The frames that are pinned, in order of their key."""

    def vectors(self) -> Vectors:
        """Return (N, D) embeddings of the frames that represent what was seen; a copy."""

    @property
    def coverage_bound(self) -> float:
        """Everything seen (with a window: within it) is this near to one that represents it."""

    @property
    def spacing(self) -> float:
        """Smallest distance between two that represent, when they were last at capacity."""

    def state(self) -> bytes:
        """All that is needed to continue, beside the kept frames and their embeddings."""

    def restore(self, state: bytes, kept: Sequence[Candidate]) -> None:
        """Continue, in a fresh selector, from a state and the frames that are kept by the record.

        The state may be older than the frames: those of it that are no longer kept are left out,
        those that it does not know are taken in. Raises :class:`RecordError` for what is damaged.
        """


class LiveSink(Protocol):
    """Stores or sends what a service decides. Idempotent by frame key."""

    @property
    def name(self) -> str:
        """What it is called in messages and metrics, e.g. ``disk``."""

    def apply(self, update: SelectionUpdate) -> None:
        """Act on a update as a whole.

        Pictures of kept frames are encoded already; one without has been lost on the way. Raises
        :class:`SinkError` having changed nothing that a second call would not repair: it is then
        tried again, before anything else.
        """

    def feed_changed(self, status: FeedStatus) -> None:
        """Take note of how a feed is."""

    def tick(self) -> None:
        """Do what is due by the clock; called about every half second. Raises SinkError."""

    def lost(self) -> Sequence[FrameKey]:
        """Kept frames that were given up since the last call: their picture is not stored.

        One that was recalled comes without its picture; where the sink has that set aside, see
        ``SelectionUpdate.recallable``, it is not lost.
        """

    @property
    def excess_bytes(self) -> int:
        """How far what is stored exceeds the budget in bytes; 0 where it does not."""

    def close(self) -> None:
        """Write what is still in hand, within a second or two, and let go of everything."""


class LiveObserver(Protocol):
    """Sees what happens in a service, for metrics and pages.

    Called from the loop and from the judge's thread, at once too; must not block.
    """

    def feed_changed(self, status: FeedStatus) -> None:
        """A feed was added, went up or down, or was opened again."""

    def feed_removed(self, feed: str) -> None:
        """A feed is no longer part of the service, or a group, with its last feed."""

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """What the feed's source has counted so far; about once a second."""

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Frames of a feed gave way; see ``streamsel.decisions.DROP_REASONS``."""

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """A turn of the judge, at the monotonic time ``now``."""

    def batched(self, frames: int) -> None:
        """So many frames were embedded together."""

    def took(self, stage: str, seconds: float) -> None:
        """A stage worked for so long: ``embed``, ``judge``, ``encode`` or the name of a sink."""

    def waiting(self, queue: str, items: int) -> None:
        """So many items wait in a queue: ``inbox`` or the name of a sink; about once a second."""

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Look at a selector. Called in the judge's thread, about once a second: be quick."""

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """A sink has acted on a update, or on what is left of some: its pictures are stored."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """A sink could not do its work and will be tried again."""
