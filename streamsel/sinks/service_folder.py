"""The folder sink of a service: pictures, record, manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from streamsel.choices import Durability
from streamsel.clock import Clock, Correction
from streamsel.decisions import FeedStatus, SelectionUpdate
from streamsel.errors import ConfigurationError, DiskFullError, SinkError
from streamsel.frame import Candidate, FrameKey
from streamsel.record.beginning import begin
from streamsel.record.files import disk_errors
from streamsel.record.folder import is_unread, is_whole, prepare, sweep
from streamsel.record.reader import SELECTED
from streamsel.record.resuming import require_service
from streamsel.record.service_writer import LiveRecordWriter
from streamsel.record.values import FeedPlan, RunPlan, StoredPicture
from streamsel.scene import SceneState
from streamsel.sinks.locked_folder import LockedFolder
from streamsel.sinks.outcome import UpdateOutcome, without_pixels
from streamsel.sinks.redating import Redating
from streamsel.sinks.standby import Standby

# With a tick every half second, an update waits at most a second.
_COMMIT_SECONDS = 0.5
_MANIFEST_SECONDS = 10.0
_MANIFEST_SHARE = 20.0
_FORGET_SECONDS = 5.0
_MOST_VERDICTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Options of a service's folder.

    ``durability``: with ``strict`` an update that changes the kept set is on disk, pictures and
    record, when it has been applied; with ``batched`` a second later at most, and a power cut loses
    that second as a whole. ``max_bytes`` bounds the pictures, including retained ones of evicted
    frames; None: no limit. ``history`` is the number of newest verdicts stored in full; older ones
    stay only for kept frames.
    """

    durability: Durability = "strict"
    max_bytes: int | None = None
    history: int = 100_000


class LiveDiskSink:
    """Stores the decisions of a service in a folder. One thread at a time.

    Continues a folder that a service has used before. If the process is killed at any moment, each
    row that claims a picture has its complete file. Pictures are on disk before they are claimed,
    and unclaimed before they are deleted. On a full disk, evictions free space first, and a small
    reserve file lets the record store them.

    The picture of an evicted frame is retained as long as the frame may be recalled: the file
    stays, unclaimed, and is claimed again if the frame is kept again.

    Cost: an update that keeps a frame is one file and one transaction (some 10 ms on a disk that
    must sync both); others are stored with the next one, or within a second.
    """

    def __init__(
        self, folder: Path, plan: RunPlan, suffix: str, clock: Clock, options: StoreOptions
    ) -> None:
        """Lock the folder, and begin or continue its record.

        Raises :class:`FolderInUseError` if another process or a file run uses the folder,
        :class:`ConfigurationError` if its frames were embedded by another network,
        :class:`RecordError` if it cannot be read, :class:`SinkError` if it cannot be written.
        """
        self._folder = LockedFolder(folder, suffix)
        self._pictures = self._folder.pictures
        self._standby = Standby()
        self._clock = clock
        self._options = options
        self._pending: list[SelectionUpdate] = []
        self._pending_since = 0.0
        self._statuses: dict[str, FeedStatus] = {}
        self._manifest_due = self._forget_due = clock.monotonic()
        self._is_manifest_stale = True
        self._scopes: frozenset[str] | None = None
        self._closed = False
        try:
            self._lost = self._open(plan)
        except BaseException:
            self._folder.release()
            raise

    @property
    def name(self) -> str:
        """``disk``."""
        return "disk"

    @property
    def stored_bytes(self) -> int:
        """Size of all pictures in bytes, kept and retained."""
        return self._record.stored_bytes + self._standby.stored_bytes

    @property
    def max_bytes(self) -> int | None:
        """Maximum size of the pictures in bytes; None: no limit."""
        return self._options.max_bytes

    @property
    def excess_bytes(self) -> int:
        """Bytes by which the pictures of active scopes exceed ``max_bytes``.

        Pictures of removed feeds stay until somebody deletes them, and do not count.
        """
        most = self._options.max_bytes
        if most is None or self.stored_bytes <= most:
            return 0
        scopes = self._scopes
        if scopes is None:
            return self.stored_bytes - most
        return max(0, self._record.bytes_of(scopes) + self._standby.stored_bytes - most)

    def select_into(self, scopes: Collection[str]) -> None:
        """Set the active scopes; before that, all scopes of the record count as active."""
        self._scopes = frozenset(scopes)
        told = sorted(scopes)
        if self._record.reader.statistics().get(SELECTED) != told:
            self._record.progress.set_statistics({SELECTED: told})

    def erase(self, keys: Collection[FrameKey]) -> None:
        """Delete the records of those of these frames that are no longer kept."""
        self._settled().erase(keys)

    def apply(self, update: SelectionUpdate) -> None:
        """Store an update; see ``interfaces.sinks.Sink``."""
        if not self._pending:
            self._pending_since = self._clock.monotonic()
        self._pending.append(without_pixels(update))
        # Changes without a verdict come from the byte budget, which needs current sizes.
        is_due = bool(update.changes) or (
            bool(update.events) and self._options.durability == "strict"
        )
        if not (is_due or self._is_overdue()):
            return
        try:
            self._commit()
        except BaseException:
            self._pending.pop()
            raise

    def feed_changed(self, status: FeedStatus) -> None:
        """Record the status of a feed at the next tick."""
        self._statuses[status.feed] = status

    def tick(self) -> None:
        """Commit pending updates, update the manifest, delete old verdicts."""
        self._folder.require()
        failures = []
        for step in (
            self._commit_overdue,
            self._tell_statuses,
            self._pictures.clear_away,
            self._forget,
            self._tell_manifest,
        ):
            try:
                step()
            except SinkError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def lost(self) -> Sequence[FrameKey]:
        """Return the kept frames found without a picture since the last call."""
        lost, self._lost = self._lost, []
        return lost

    def close(self) -> None:
        """Store pending updates and release the folder, even after an error; idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._pending:
                self._commit()
            self._tell_statuses()
            self._write_manifest()
            self._record.progress.set_status("complete", self._clock.wall())
            self._pictures.clear_away()
        finally:
            self._record.close()
            self._folder.release()

    def add_feed(self, name: str, source: str, display_name: str | None = None) -> None:
        """Record a feed, credentials in ``source`` masked; a recorded one keeps its source."""
        self._record.add_feed(FeedPlan(name, source, display_name))

    def next_index(self, feed: str) -> int:
        """Return the first frame number of a feed that cannot have been used."""
        return self._settled().next_index(feed)

    def reserve(self, numbers: Mapping[str, int]) -> None:
        """Record durably that all frame numbers of each feed below a limit may be used."""
        self._record.reserve(numbers)

    def last_times(self, feed: str) -> tuple[float, float] | None:
        """Return media and wall time of a feed's newest recorded frame; None if there is none."""
        return self._settled().last_times(feed)

    def last_size(self, feed: str) -> tuple[int, int] | None:
        """Return width and height of a feed's newest recorded frame; None if there is none."""
        return self._settled().last_size(feed)

    def scene(self, feed: str, source: str) -> SceneState:
        """Return what is remembered of a feed's scene; nothing if its source was another."""
        return self._settled().reader.scene(feed, source)

    def selection(self, scope: str) -> bytes | None:
        """Return the stored state of a scope's selector."""
        return self._settled().reader.selections().get(scope)

    def kept_candidates(self, scope: str) -> Sequence[Candidate]:
        """Return the kept frames of a scope with their embeddings, in the order of keeping."""
        return self._settled().kept_candidates(scope)

    def pinned(self, scope: str) -> Sequence[FrameKey]:
        """Return the pinned frames of a scope, ordered by key."""
        return self._settled().pinned(scope)

    def set_pinned(self, key: FrameKey, pinned: bool) -> None:
        """Record that a frame is pinned, or unpinned."""
        self._settled().set_pinned(key, pinned)

    def newest_time(self) -> float:
        """Return the newest wall time of a recorded frame of any feed; 0 if there is none."""
        return self._settled().newest_time()

    def put_right(self, correction: Correction) -> int:
        """Correct times recorded while the system clock was wrong; see :class:`Redating`."""
        self._settled()
        moved = self._redating.apply(correction)
        self._is_manifest_stale |= bool(moved)
        self._pictures.clear_away_quietly()
        return moved

    def _open(self, plan: RunPlan) -> list[FrameKey]:
        """Open or create the record; return the frames with missing picture files."""
        folder = self._folder.path
        # A file run that never read a frame contains nothing to mix up.
        found = prepare(folder, resume=not is_unread(folder), overwrite=False)
        # Numbers, states and pictures refer to each other: the record itself is always durable.
        if found == "new":
            begin(folder, plan, self._clock.wall())
        else:
            self._pictures.drop_ballast()  # even on a full disk the record can be continued
            require_service(folder)
        self._record = LiveRecordWriter.resume(folder)
        try:
            was = self._record.reader.run().plan
            if was.embedder_digest != plan.embedder_digest:
                raise ConfigurationError(
                    f"{folder}: its frames were embedded by {was.embedder!r} "
                    f"({was.embedder_digest}), not by {plan.embedder!r} ({plan.embedder_digest}); "
                    "distances cannot be compared, choose another folder"
                )
            lost = sweep(folder, self._record.reader, self._record.disclaim)
            self._record.progress.set_status("running", None)
            self._record.progress.set_statistics({"options": asdict(self._options)})
            self._pictures.hold_ballast()
        except BaseException:
            self._record.close()
            raise
        self._redating = Redating(folder, self._record, self._pictures)
        return lost

    def _settled(self) -> LiveRecordWriter:
        """Return the record with all applied updates stored."""
        if self._pending:
            self._commit()
        return self._record

    def _is_overdue(self) -> bool:
        waiting = sum(len(update.verdicts) for update in self._pending)
        age = self._clock.monotonic() - self._pending_since
        return age >= _COMMIT_SECONDS or waiting >= _MOST_VERDICTS

    def _commit_overdue(self) -> None:
        if self._pending and self._is_overdue():
            self._commit()

    def _tell_statuses(self) -> None:
        if self._statuses:
            self._record.set_feed_statuses(self._statuses.values())
            self._statuses.clear()

    def _tell_manifest(self) -> None:
        began = self._clock.monotonic()
        if self._is_manifest_stale and began >= self._manifest_due:
            self._write_manifest()
            now = self._clock.monotonic()
            self._manifest_due = now + max(_MANIFEST_SECONDS, _MANIFEST_SHARE * (now - began))

    def _forget(self) -> None:
        now = self._clock.monotonic()
        if now >= self._forget_due:
            self._record.forget(self._options.history)
            self._pictures.hold_ballast()
            self._forget_due = now + _FORGET_SECONDS

    def _commit(self) -> None:
        """Store all pending updates; on a full disk, free space and retry once."""
        try:
            self._store()
        except DiskFullError:
            self._make_room()
            self._store()
        self._pictures.clear_away_quietly()

    def _store(self) -> None:
        """Store all pending updates; on an error, change nothing."""
        self._folder.require()
        outcome = UpdateOutcome.of(self._pending)
        try:
            written = {one.key: one for one in self._pictures.write(outcome.pictured)}
            claims = self._stored(written, [frame.key for frame in outcome.kept])
            spares = self._stored(written, [frame.key for _, frame in outcome.spares])
            freed = self._record.commit(self._pending, list(claims.values()))
        except BaseException:
            self._take_back(outcome)
            raise
        self._pending = []
        self._lost += [frame.key for frame in outcome.kept if frame.key not in claims]
        self._standby.take([frame.key for frame in outcome.kept])
        for scope, frame in outcome.spares:
            if frame.key in spares:
                self._standby.add(scope, spares[frame.key])
        self._pictures.give_up([*freed, *self._standby.keep_only(outcome.recallable)])
        self._pictures.spare([*(stored.path for stored in claims.values()), *self._standby.paths()])
        self._is_manifest_stale |= bool(outcome.kept or outcome.gone)

    def _stored(
        self, written: Mapping[FrameKey, StoredPicture], keys: Sequence[FrameKey]
    ) -> dict[FrameKey, StoredPicture]:
        """Return the pictures of frames: just written, retained or claimed, and on disk."""
        found = {}
        with disk_errors(self._folder.path):
            for key in keys:
                stored = written.get(key) or self._standby.get(key) or self._record.stored(key)
                if stored is not None and is_whole(self._folder.path / stored.path, stored.bytes):
                    found[key] = stored
        return found

    def _take_back(self, outcome: UpdateOutcome) -> None:
        """Delete files that were written but could not be claimed."""
        paths = {self._pictures.path(frame) for frame, _ in outcome.pictured}
        paths -= self._standby.paths()
        self._pictures.give_up(path for path in paths if self._record.reader.key_of(path) is None)
        self._pictures.clear_away_quietly()

    def _make_room(self) -> None:
        """Free space: the record's log, files of evicted frames.

        The reserve file is deleted only if there are evictions, which free more than it does.
        """
        outcome = UpdateOutcome.of(self._pending)
        if outcome.gone:
            self._pictures.drop_ballast()
        self._record.fold()
        self._pictures.give_up(self._record.let_go(outcome.gone))
        self._pictures.give_up(self._standby.give_up(but={frame.key for frame in outcome.kept}))
        self._pictures.clear_away_quietly()

    def _write_manifest(self) -> None:
        self._folder.write_manifest(self._record.reader)
        self._is_manifest_stale = False
