"""The sink that stores a short video around each kept frame."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamsel.clock import Clock
from streamsel.errors import SourceError
from streamsel.event import FeedStatus, Judgement, Kept
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.interfaces import Footage
from streamsel.sinks.anchor import Anchor
from streamsel.sinks.files import disk_errors, make_folder, write_file
from streamsel.sinks.folder import live_name

CLIPS = "clips"

_LOG = logging.getLogger("streamsel.sinks")
_MOST_PENDING = 1_000
_MARGIN_SECONDS = 0.5
_MP4_MARK = b"ftyp"


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """What is cut for a feed: ``before`` and ``after`` are seconds around the frame."""

    footage: Footage
    before: float
    after: float


class ClipSink:
    """Stores ``clips/<feed>/<day>/<hour>/<name of the picture>.mp4``; a ``LiveSink``.

    (``.mkv`` where MP4 cannot hold the codec.)

    ``orders`` are by feed, and may change while it runs. A clip is written once what comes after
    its frame has been received, and removed with its frame. One that cannot be cut (the feed was
    lost just then) is left out with a warning, the picture stays.
    """

    def __init__(self, folder: Path, orders: Mapping[str, ClipOrder], clock: Clock) -> None:
        """Store below a folder that is there. Raises :class:`SinkError`."""
        self._folder = folder
        with disk_errors(folder):
            self._anchor = Anchor(folder)
        self._orders = orders
        self._clock = clock
        self._pending: dict[FrameKey, Frame] = {}

    @property
    def name(self) -> str:
        """``clips``."""
        return "clips"

    @property
    def excess_bytes(self) -> int:
        """Clips have no budget of their own: there are as many as kept frames."""
        return 0

    def apply(self, judgement: Judgement) -> None:
        """Note which clips are to be cut, and remove those of frames that went."""
        self._anchor.require()
        for event in judgement.events:
            frame = event.frame
            if not isinstance(event, Kept):
                self._pending.pop(frame.key, None)
                self._remove(frame)
            elif frame.received is not None and frame.key.feed in self._orders:
                self._pending[frame.key] = replace(frame, picture=Picture(None))
        while len(self._pending) > _MOST_PENDING:
            self._pending.pop(next(iter(self._pending)))

    def feed_changed(self, status: FeedStatus) -> None:
        """How a feed is does not matter here."""

    def tick(self) -> None:
        """Write the clips that are complete."""
        self._anchor.require()
        now = self._clock.monotonic()
        for key, frame in list(self._pending.items()):
            order = self._orders.get(key.feed)
            if order is None or frame.received is None:
                del self._pending[key]
            elif now >= frame.received + order.after + _MARGIN_SECONDS:
                self._cut(frame, order)
                del self._pending[key]

    def lost(self) -> Sequence[FrameKey]:
        """No picture is stored here, so none is lost."""
        return ()

    def close(self) -> None:
        """Write what there is of the clips that are not complete."""
        self._anchor.require()
        for key, frame in list(self._pending.items()):
            if (order := self._orders.get(key.feed)) is not None:
                self._cut(frame, order)
        self._pending.clear()

    def _cut(self, frame: Frame, order: ClipOrder) -> None:
        try:
            content = order.footage.clip(frame.received or 0.0, order.before, order.after)
        except SourceError as error:
            _LOG.warning("frame %s: no clip: %s", frame.key, error)
            return
        suffix = "mp4" if content[4:8] == _MP4_MARK else "mkv"
        place = self._place(frame, suffix)
        with disk_errors(place):
            make_folder(place.parent)
            write_file(place, content, sync=False)

    def _remove(self, frame: Frame) -> None:
        if frame.wall_time is None:
            return
        place = self._place(frame, "mp4")
        with disk_errors(place):
            for path in (place, self._place(frame, "mkv")):
                path.unlink(missing_ok=True)
            for folder in (place.parent, place.parent.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()

    def _place(self, frame: Frame, suffix: str) -> Path:
        return self._folder / CLIPS / frame.key.feed / f"{live_name(frame)}.{suffix}"
