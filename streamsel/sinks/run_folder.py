"""The folder sink of a file run: pictures, record, manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from streamsel.choices import Durability
from streamsel.clock import Clock
from streamsel.decisions import FeedReport, Kept, Verdict
from streamsel.errors import SinkError, SourceError
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.record.files import disk_errors, make_folder, sync_files, write_file
from streamsel.record.folder import MANIFEST, make_and_lock, picture_path, prepare, sweep
from streamsel.record.manifest import manifest_lines
from streamsel.record.resuming import added_feeds
from streamsel.record.values import FeedPlan, RunPlan, Status, StoredPicture
from streamsel.record.writer import RecordWriter
from streamsel.sinks.exif import with_exif
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
        self._folder = folder
        self._encoder = encoder
        self._sources = {feed.name: feed.source for feed in plan.feeds}
        self._clock = clock
        self._strict = options.durability == "strict"
        self._hold_bytes = options.hold_bytes
        self._held: dict[FrameKey, _Held] = {}
        self._held_bytes = 0
        self._unclaimed: dict[FrameKey, StoredPicture] = {}
        self._missing: set[FrameKey] = set()
        self._failed: dict[str, str] = {}
        self._closed = False
        self._plan = plan
        self._added: Sequence[FeedPlan] = ()
        self._complete = self._is_untouched = False
        self._lock = make_and_lock(folder)
        try:
            self._record = self._open(plan, options)
        except BaseException:
            self._lock.release()
            raise

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
        undone and will be decided again. Call once, before any write.
        """
        if not self._added:
            return
        settled = judged if all(feed.done for feed in self._record.reader.feeds()) else None
        if settled is not None:
            self._forget_pictures(self._record.kept_at_the_end(settled))
        self._record.reopen(self._plan, settled)
        self._missing = {key for key, path, _ in self._record.reader.pictures() if path is None}

    def write(self, verdicts: Sequence[Verdict]) -> None:
        """Record verdicts and act on their events; skip verdicts already recorded."""
        appended = self._record.append(verdicts)
        for verdict in appended.verdicts:
            for event in verdict.events:
                if isinstance(event, Kept):
                    self._take(event.frame)
                else:
                    self._release(event.frame.key)
        with disk_errors(self._folder):
            for path in appended.freed:
                (self._folder / path).unlink(missing_ok=True)
        self._spill(self._hold_bytes)

    def feed_ended(self, report: FeedReport) -> None:
        """Record the end of a feed; a picture that could not be encoded counts as its error."""
        error = report.error or self._failed.get(report.feed)
        self._record.end_feed(replace(report, error=error))

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

    def close(self, complete: bool) -> None:
        """Flush pending writes and the manifest, and release the folder, even after an error.

        The run is recorded as complete if ``complete`` and no picture is missing; otherwise it can
        be resumed. A run that was complete before is unchanged. Further calls do nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if not self._is_untouched:
                self._finish("complete" if complete and not self._missing else "interrupted")
        finally:
            self._record.close()
            self._lock.release()

    def _open(self, plan: RunPlan, options: DiskOptions) -> RecordWriter:
        found = prepare(self._folder, resume=options.resume, overwrite=options.overwrite)
        if found == "new":
            return RecordWriter.create(self._folder, plan, self._clock.wall(), strict=self._strict)
        record = RecordWriter.resume(self._folder, strict=self._strict)
        try:
            run = record.reader.run()
            self._added = added_feeds(self._folder, run.plan, plan)
            self._missing.update(sweep(self._folder, record.reader, record.disclaim))
            is_whole = not self._missing and self._manifest_is_whole(record)
            self._complete = run.status == "complete" and not self._added
            self._is_untouched = self._complete and is_whole
            if not self._is_untouched:
                record.progress.set_status("running", None)
        except BaseException:
            record.close()
            raise
        return record

    def _manifest_is_whole(self, record: RecordWriter) -> bool:
        try:
            with disk_errors(self._folder / MANIFEST):
                found = (self._folder / MANIFEST).read_bytes()
        except SinkError:
            return False
        return found == "".join(manifest_lines(record.reader)).encode()

    def _forget_pictures(self, keys: Sequence[FrameKey]) -> None:
        """Unclaim the pictures of these frames, then delete the files."""
        paths = [path for key in keys if (path := self._record.reader.path(key)) is not None]
        self._record.disclaim(keys)
        with disk_errors(self._folder):
            for path in paths:
                (self._folder / path).unlink(missing_ok=True)

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
        if stored := self._unclaimed.pop(key, None):
            with disk_errors(self._folder):
                (self._folder / stored.path).unlink(missing_ok=True)

    def _spill(self, limit_bytes: int) -> None:
        """Write the oldest held pictures until the rest fits into ``limit_bytes``."""
        while self._held_bytes > limit_bytes:
            held = next(iter(self._held.values()))
            try:
                stored = self._store(held)
            except SourceError as error:
                self._fail(held.frame.key, str(error))
            else:
                if self._strict:
                    self._claim([stored])
                else:
                    self._unclaimed[stored.key] = stored
            del self._held[held.frame.key]
            self._held_bytes -= held.picture.held_bytes
            if len(self._unclaimed) >= _BATCH_FILES:
                self._claim_batch()

    def _fail(self, key: FrameKey, why: str) -> None:
        """Record that a kept frame has no picture, as an error of its feed, not of the run."""
        error = f"feed '{key.feed}': frame {key.index}: {why}"
        if key.feed not in self._failed:
            self._failed[key.feed] = error
            self._record.fail_feed(key.feed, error)

    def _store(self, held: _Held) -> StoredPicture:
        self._lock.anchor.require()
        encoded = self._encoder.encode(held.picture)
        path = picture_path(held.frame, self._encoder.suffix)
        place = self._folder / path
        content = encoded.content
        if self._encoder.suffix == "jpg":
            content = with_exif(content, self._describe(held.frame), held.frame.recorded)
        with disk_errors(place):
            make_folder(place.parent)
            write_file(place, content, sync=self._strict)
        return StoredPicture(
            held.frame.key,
            path,
            encoded.width,
            encoded.height,
            len(content),
            sha256(content).hexdigest(),
        )

    def _describe(self, frame: Frame) -> str:
        """Return the description of a frame's origin that is stored in its picture."""
        source = self._sources[frame.key.feed]
        if frame.original is not None:
            return f"{frame.original} of {source}"
        return f"{source} frame {frame.key.index} at {frame.media_time:.3f} s"

    def _claim(self, pictures: Sequence[StoredPicture]) -> None:
        try:
            self._record.claim(pictures)
        except SinkError:
            with disk_errors(self._folder):
                for picture in pictures:
                    (self._folder / picture.path).unlink(missing_ok=True)
            raise

    def _claim_batch(self) -> None:
        with disk_errors(self._folder):
            sync_files([self._folder / stored.path for stored in self._unclaimed.values()])
        self._record.claim(list(self._unclaimed.values()))
        self._unclaimed.clear()

    def _finish(self, status: Status) -> None:
        self._spill(0)
        if self._unclaimed:
            self._claim_batch()
        self._lock.anchor.require()
        manifest = "".join(manifest_lines(self._record.reader)).encode()
        with disk_errors(self._folder / MANIFEST):
            write_file(self._folder / MANIFEST, manifest, sync=True)
        self._record.progress.set_status(status, self._clock.wall())
