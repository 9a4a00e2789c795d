"""The folder sink of a file run: pictures, record, manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamsel.choices import Durability
from streamsel.clock import Clock
from streamsel.decisions import FeedReport, Kept, SelectionUpdate
from streamsel.errors import SinkError, SourceError
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.record.folder import prepare, sweep
from streamsel.record.resuming import added_feeds
from streamsel.record.values import FeedPlan, RunPlan, Status, StoredPicture
from streamsel.record.writer import RecordWriter
from streamsel.sinks.exif import with_exif
from streamsel.sinks.locked_folder import LockedFolder
from streamsel.sinks.pictures import Encoder

_BATCH_FILES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOptions:
    """Options of a run's folder.

    ``durability``: with ``strict`` each picture and record is on disk before the next one is begun;
    with ``batched`` a power cut may lose the latest 64 pictures and the latest records. Neither
    leaves a record that claims missing files. ``hold_bytes``: decoded pictures are held in memory
    up to this size, so that a frame evicted soon is never encoded.
    """

    resume: bool = False
    overwrite: bool = False
    durability: Durability = "strict"
    hold_bytes: int = 96 << 20


@dataclass(frozen=True, slots=True)
class _Held:
    """A kept frame with a picture to write, protected from being dropped by others."""

    frame: Frame
    picture: Picture


class DiskSink:
    """Stores a file run in a folder. One thread at a time.

    If the process is killed at any moment, each row of the record that claims a picture has its
    complete file, and the record is a prefix of the stream; leftover files are deleted when the run
    is resumed. Pictures are written before they are claimed, and unclaimed in the record before
    their files are deleted.

    A failed call may be repeated, after :class:`DiskFullError` once there is room; completed work
    is not repeated. ``close`` must always be called.
    """

    def __init__(
        self, folder: Path, plan: RunPlan, encoder: Encoder, clock: Clock, options: DiskOptions
    ) -> None:
        """Lock the folder, and begin or resume the run.

        Raises :class:`FolderInUseError` if another process or run uses the folder, or it holds
        foreign files; :class:`ConfigurationError` if the run to resume has other options;
        :class:`RecordError` if it cannot be read; :class:`SinkError` if the folder cannot be
        written.
        """
        self._folder = LockedFolder(folder, encoder.suffix)
        self._pictures = self._folder.pictures
        self._encoder = encoder
        self._sources = {feed.name: feed.source for feed in plan.feeds}
        self._clock = clock
        self._strict = options.durability == "strict"
        self._hold_bytes = options.hold_bytes
        self._held: dict[FrameKey, _Held] = {}
        self._held_bytes = 0
        self._written: dict[FrameKey, StoredPicture] = {}
        self._missing: set[FrameKey] = set()
        self._failed: dict[str, str] = {}
        self._run_ended = self._closed = False
        self._plan = plan
        self._added: Sequence[FeedPlan] = ()
        self._complete = self._is_untouched = False
        try:
            self._record = self._open(plan, options)
        except BaseException:
            self._folder.release()
            raise

    @property
    def name(self) -> str:
        """``disk``."""
        return "disk"

    @property
    def record(self) -> RecordWriter:
        """The record of the run, to resume from and to add statistics to."""
        return self._record

    @property
    def complete(self) -> bool:
        """Whether all is decided; only :meth:`missing` pictures or the manifest may be left."""
        return self._complete

    def go_on(self, judged: int) -> None:
        """Continue a resumed run after ``judged`` verdicts of the selector.

        If inputs were appended to a run that had ended, verdicts that were caused by its end are
        undone and will be decided again. Call once, before any update.
        """
        if not self._added:
            return
        settled = judged if all(feed.done for feed in self._record.reader.feeds()) else None
        if settled is not None:
            self._forget_pictures(self._record.kept_at_the_end(settled))
        self._record.reopen(self._plan, settled)
        self._missing = {key for key, path, _ in self._record.reader.pictures() if path is None}

    def apply(self, update: SelectionUpdate) -> None:
        """Record the verdicts and act on their events; skip verdicts already recorded.

        In a file run nothing changes without a verdict, so an update has no ``changes``.
        """
        appended = self._record.append(update.verdicts)
        for verdict in appended.verdicts:
            for event in verdict.events:
                if isinstance(event, Kept):
                    self._take(event.frame)
                else:
                    self._release(event.frame.key)
        self._pictures.give_up(appended.freed)
        self._pictures.clear_away()
        self._spill(self._hold_bytes)

    def feed_ended(self, report: FeedReport) -> None:
        """Record the end of a feed; a picture that could not be encoded counts as its error."""
        error = report.error or self._failed.get(report.feed)
        self._record.end_feed(replace(report, error=error))

    def run_ended(self) -> None:
        """Let :meth:`close` record the run as complete, if no picture is missing then."""
        self._run_ended = True

    def missing(self) -> Sequence[FrameKey]:
        """Return the kept frames with pictures dropped before they were stored, in order."""
        return sorted(self._missing)

    def supply(self, frame: Frame) -> None:
        """Store the picture of a missing frame; ignore other frames."""
        if frame.key in self._missing:
            self._take(frame)
            if frame.key in self._missing:
                raise SinkError(f"frame {frame.key}: supplied without its picture")
            self._spill(self._hold_bytes)

    def close(self) -> None:
        """Flush pending writes and the manifest, and release the folder, even after an error.

        The run is recorded as complete if it has ended and no picture is missing; otherwise it can
        be resumed. A run that was complete before is unchanged. Further calls do nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if not self._is_untouched:
                is_whole = self._run_ended and not self._missing
                self._finish("complete" if is_whole else "interrupted")
        finally:
            self._record.close()
            self._folder.release()

    def _open(self, plan: RunPlan, options: DiskOptions) -> RecordWriter:
        folder = self._folder.path
        found = prepare(folder, resume=options.resume, overwrite=options.overwrite)
        if found == "new":
            return RecordWriter.create(folder, plan, self._clock.wall(), strict=self._strict)
        record = RecordWriter.resume(folder, strict=self._strict)
        try:
            run = record.reader.run()
            self._added = added_feeds(folder, run.plan, plan)
            self._missing.update(sweep(folder, record.reader, record.disclaim))
            is_whole = not self._missing and self._folder.has_manifest(record.reader)
            self._complete = run.status == "complete" and not self._added
            self._is_untouched = self._complete and is_whole
            if not self._is_untouched:
                record.progress.set_status("running", None)
        except BaseException:
            record.close()
            raise
        return record

    def _forget_pictures(self, keys: Sequence[FrameKey]) -> None:
        """Unclaim the pictures of these frames, then delete the files."""
        paths = [path for key in keys if (path := self._record.reader.path(key)) is not None]
        self._record.disclaim(keys)
        self._pictures.give_up(paths)
        self._pictures.clear_away()

    def _take(self, frame: Frame) -> None:
        picture = frame.picture.held()
        if picture.image is None:
            self._missing.add(frame.key)
            return
        self._release(frame.key)
        self._held[frame.key] = _Held(frame, picture)
        self._held_bytes += picture.held_bytes

    def _release(self, key: FrameKey) -> None:
        self._missing.discard(key)
        if held := self._held.pop(key, None):
            self._held_bytes -= held.picture.held_bytes
        if stored := self._written.pop(key, None):
            self._pictures.give_up([stored.path])

    def _spill(self, limit_bytes: int) -> None:
        """Write the oldest held pictures until the rest fits into ``limit_bytes``."""
        while self._held_bytes > limit_bytes:
            held = next(iter(self._held.values()))
            try:
                self._store(held)
            except SourceError as error:
                self._fail(held.frame.key, str(error))
            del self._held[held.frame.key]
            self._held_bytes -= held.picture.held_bytes
            if len(self._written) >= _BATCH_FILES:
                self._claim_batch()

    def _fail(self, key: FrameKey, why: str) -> None:
        """Record that a kept frame has no picture, as an error of its feed, not of the run."""
        error = f"feed '{key.feed}': frame {key.index}: {why}"
        if key.feed not in self._failed:
            self._failed[key.feed] = error
            self._record.fail_feed(key.feed, error)

    def _store(self, held: _Held) -> None:
        """Write a picture; if strict, claim it too, otherwise once the batch is full."""
        self._folder.require()
        frame, encoded = held.frame, self._encoder.encode(held.picture)
        if self._encoder.suffix == "jpg":
            content = with_exif(encoded.content, self._describe(frame), frame.recorded)
            encoded = replace(encoded, content=content)
        try:
            [stored] = self._pictures.write([(frame, encoded)], sync=self._strict)
            if self._strict:
                self._record.claim([stored])
            else:
                self._written[stored.key] = stored
        except SinkError:
            self._pictures.give_up([self._pictures.path(frame)])
            self._pictures.clear_away_quietly()
            raise

    def _describe(self, frame: Frame) -> str:
        """Return the description of a frame's origin that is stored in its picture."""
        source = self._sources[frame.key.feed]
        if frame.original is not None:
            return f"{frame.original} of {source}"
        return f"{source} frame {frame.key.index} at {frame.media_time:.3f} s"

    def _claim_batch(self) -> None:
        self._pictures.sync(self._written.values())
        self._record.claim(list(self._written.values()))
        self._written.clear()

    def _finish(self, status: Status) -> None:
        self._spill(0)
        if self._written:
            self._claim_batch()
        self._pictures.clear_away_quietly()
        self._folder.write_manifest(self._record.reader)
        self._record.progress.set_status(status, self._clock.wall())
