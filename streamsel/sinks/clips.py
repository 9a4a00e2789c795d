"""A sink that stores a short video clip around each kept frame."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from streamsel.clock import Clock
from streamsel.decisions import Kept, SelectionUpdate
from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.interfaces.sources import Footage
from streamsel.record.anchor import Anchor
from streamsel.record.files import disk_errors, make_folder, write_file
from streamsel.record.folder import CLIPS, FRAMES, is_live_name, live_name, remove_stored

_LOG = logging.getLogger("streamsel.sinks")
_MOST_PENDING = 1_000
_MARGIN_SECONDS = 0.5
_MP4_MARK = b"ftyp"


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Length of a feed's clips: ``before`` and ``after`` are seconds around the frame."""

    footage: Footage
    before: float
    after: float


class ClipSink:
    """Stores ``clips/<feed>/<day>/<hour>/<name of the picture>.mp4``.

    The suffix is ``.mkv`` if MP4 cannot hold the codec. ``orders`` are by feed and may change at
    run time. A clip is written once the packets after its frame have been received. It is deleted
    with its frame, or once an evicted frame can no longer be recalled. A clip that cannot be cut
    (the feed was just lost) is skipped with a warning; the picture stays. Clips without a picture,
    left by a run that was killed, are deleted at the start, so the sink that stores the pictures
    must be opened first.
    """

    def __init__(self, folder: Path, orders: Mapping[str, ClipOrder], clock: Clock) -> None:
        """Store clips in an existing folder. Raises :class:`SinkError`."""
        self._folder = folder
        with disk_errors(folder):
            self._anchor = Anchor(folder)
        self._orders = orders
        self._clock = clock
        self._pending: dict[FrameKey, Frame] = {}
        self._spares: dict[str, dict[FrameKey, Frame]] = {}
        self._recallable: dict[str, frozenset[FrameKey]] = {}
        self._sweep()

    @property
    def name(self) -> str:
        """``clips``."""
        return "clips"

    def apply(self, update: SelectionUpdate) -> None:
        """Schedule the clips of kept frames, and delete those of frames removed for good."""
        self._anchor.require()
        spares = self._spares.setdefault(update.scope, {})
        if update.recallable is not None:
            self._recallable[update.scope] = update.recallable
        recallable = self._recallable.get(update.scope, frozenset())
        for event in update.events:
            frame = replace(event.frame, picture=Picture(None))
            if not isinstance(event, Kept):
                spares[frame.key] = frame
            elif spares.pop(frame.key, None) is not None:
                continue  # its clip exists or is pending
            elif frame.received is not None and frame.key.feed in self._orders:
                self._pending[frame.key] = frame
        for key in spares.keys() - recallable:
            self._pending.pop(key, None)
            self._remove(spares[key])
            del spares[key]
        while len(self._pending) > _MOST_PENDING:
            self._pending.pop(next(iter(self._pending)))

    def tick(self) -> None:
        """Write the clips with complete packets."""
        self._anchor.require()
        now = self._clock.monotonic()
        for key, frame in list(self._pending.items()):
            order = self._orders.get(key.feed)
            if order is None or frame.received is None:
                del self._pending[key]
            elif now >= frame.received + order.after + _MARGIN_SECONDS:
                self._cut(frame, order)
                del self._pending[key]

    def close(self) -> None:
        """Write the incomplete clips as far as they go."""
        self._anchor.require()
        for key, frame in list(self._pending.items()):
            if (order := self._orders.get(key.feed)) is not None:
                self._cut(frame, order)
        self._pending.clear()
        for spares in self._spares.values():
            for frame in spares.values():
                self._remove(frame)
        self._spares.clear()

    def _cut(self, frame: Frame, order: ClipOrder) -> None:
        try:
            content = order.footage.clip(frame.received or 0.0, order.before, order.after)
        except SourceError as error:
            _LOG.warning("frame %s: no clip: %s", frame.key, error)
            return
        suffix = "mp4" if content[4:8] == _MP4_MARK else "mkv"
        place = self._folder / _path(frame, suffix)
        with disk_errors(place):
            make_folder(place.parent)
            write_file(place, content, sync=False)

    def _sweep(self) -> None:
        """Delete the clips of frames without a picture."""
        with disk_errors(self._folder):
            for place in sorted((self._folder / CLIPS).glob("*/????-??-??/??/*.m[pk][4v]")):
                beside = self._folder / FRAMES / place.parent.relative_to(self._folder / CLIPS)
                if is_live_name(place.stem) and not any(beside.glob(f"{place.stem}.*")):
                    remove_stored(self._folder, place.relative_to(self._folder).as_posix())

    def _remove(self, frame: Frame) -> None:
        if frame.wall_time is None:
            return
        for suffix in ("mp4", "mkv"):
            path = _path(frame, suffix)
            with disk_errors(self._folder / path):
                remove_stored(self._folder, path)


def _path(frame: Frame, suffix: str) -> str:
    """Return the path of a frame's clip, relative to the folder."""
    return f"{CLIPS}/{frame.key.feed}/{live_name(frame)}.{suffix}"
