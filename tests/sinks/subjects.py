"""Every implementation of the sink seam: what is seen of it from outside, and ways to break it."""

from __future__ import annotations

import asyncio
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

from streamsel.choices import Durability
from streamsel.decisions import Event, Evicted, FeedState, FeedStatus, Kept, SelectionUpdate
from streamsel.frame import Frame, Picture
from streamsel.interfaces.sinks import Sink
from streamsel.plugins import Plugin
from streamsel.record.reader import Record
from streamsel.sinks import events
from streamsel.sinks.clips import ClipOrder, ClipSink
from streamsel.sinks.console import ConsoleSink
from streamsel.sinks.events import EventStream
from streamsel.sinks.mqtt.payloads import Topics, Writer
from streamsel.sinks.mqtt.retained import RetainedState
from streamsel.sinks.mqtt.sink import MqttSink
from streamsel.sinks.plugin import PluginSink
from streamsel.sinks.run_folder import DiskSink
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock, RecordingSink
from tests.sinks import live_streams, streams
from tests.sinks.live_streams import verdict
from tests.sinks.mqtt.lines import open_outbox

FEED = "yard"
FRAMES, KEPT = 6, 3


class Subject(ABC):
    """One implementation: its sink, its other side, and what can go wrong between them."""

    breaks: Sequence[str] = ()
    sink: Sink

    @abstractmethod
    def __init__(self, folder: Path) -> None:
        """Make the sink; what it needs on the disk lies in a folder."""

    def frame(self, index: int) -> Frame:
        """A frame as this sink receives it when it is kept."""
        return live_streams.frame(index, FEED)

    @abstractmethod
    def kept(self) -> list[str]:
        """The frames that the other side has as kept, ordered by key."""

    @abstractmethod
    def broken(self, how: str) -> AbstractContextManager[None]:
        """Break the other side in a way of :attr:`breaks`, around a block."""

    def end(self) -> None:
        """Close the sink, and release what the subject itself holds."""
        self.sink.close()


class Below(Subject):
    """A sink that writes into a folder, which may be taken away; or a folder in that."""

    breaks: Sequence[str] = ("gone",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        place = self.folder if how == "gone" else self.folder / how
        away = self.folder.with_name("away")
        place.rename(away)
        if how != "gone":
            place.write_text("in the way")
        try:
            yield
        finally:
            if how != "gone":
                place.unlink()
            away.rename(place)

    def _recorded(self) -> list[str]:
        """The kept frames of the record whose picture is whole."""
        with Record.open(self.folder) as record:
            return [
                str(one.key)
                for one in record.kept()
                if one.picture is not None
                and os.path.getsize(self.folder / one.picture.path) == one.picture.bytes
            ]


class RunFolder(Below):
    """The folder of a file run; pictures arrive decoded."""

    breaks: Sequence[str] = ("gone", "frames")

    def __init__(self, folder: Path, durability: Durability = "strict") -> None:
        super().__init__(folder / "kept")
        self.sink: DiskSink = streams.opened(self.folder, durability=durability, hold_bytes=0)

    def frame(self, index: int) -> Frame:
        return streams.frame(FEED, index)

    def kept(self) -> list[str]:
        return self._recorded()


class ServiceFolder(Below):
    """The folder of a service; pictures arrive encoded."""

    breaks: Sequence[str] = ("gone", "frames")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kept")
        self.sink: LiveDiskSink = live_streams.opened(self.folder)

    def kept(self) -> list[str]:
        return self._recorded()


class Footage:
    """Packets that are always there."""

    def clip(self, received: float, before: float, after: float) -> bytes:
        return b"0000ftyp"


class Clips(Below):
    breaks: Sequence[str] = ("gone", "clips")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kept")
        self.folder.mkdir()
        self.clock = ManualClock()
        orders = {FEED: ClipOrder(Footage(), 1.0, 0.0)}
        self.sink: ClipSink = ClipSink(self.folder, orders, self.clock)

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        self.kept()  # what is pending is cut now
        with super().broken(how):
            yield

    def kept(self) -> list[str]:
        self.clock.advance(10.0)
        self.sink.tick()
        return sorted(place.stem.partition("Z_")[2] for place in self.folder.rglob("*.mp4"))


class Console(Subject):
    breaks: Sequence[str] = ("closed",)

    class Pipe(io.StringIO):
        """A pipe to a program that may have ended."""

        is_broken = False

        def write(self, text: str) -> int:
            if self.is_broken:
                raise BrokenPipeError(32, "Broken pipe")
            return super().write(text)

    def __init__(self, folder: Path) -> None:
        self.pipe = self.Pipe()
        self.sink: ConsoleSink = ConsoleSink(self.pipe, "jpg")

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        self.pipe.is_broken = True
        yield
        self.pipe.is_broken = False

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.pipe.getvalue().splitlines()]

    def kept(self) -> list[str]:
        return _replayed([(line["type"], line["id"]) for line in self.lines() if "id" in line])


class Events(Subject):
    breaks: Sequence[str] = ("full",)

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.sink: EventStream = self.loop.run_until_complete(_made_on_the_loop())

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        most, events._MOST_WAITING = events._MOST_WAITING, 0
        yield
        events._MOST_WAITING = most

    def kept(self) -> list[str]:
        return _replayed(map(_told, self.loop.run_until_complete(self._received())))

    async def _received(self) -> list[Event]:
        async def run() -> None:
            """The service is over."""

        return [event async for event in self.sink.events(run, lambda: None)]

    def end(self) -> None:
        super().end()
        self.loop.close()


async def _made_on_the_loop() -> EventStream:
    return EventStream()


class Mqtt(Below):
    """The outbox, read as the publisher reads it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "outbox")
        self.line = open_outbox(self.folder)
        writer = Writer(Topics("streamsel"), "made", "00ff", "jpg", True)
        self.retained = RetainedState()
        self.sink = MqttSink(
            self.line.outbox, self.retained, self.line.counter, writer, self.line.clock
        )

    def kept(self) -> list[str]:
        told = [
            json.loads(message.payload)
            for message in self.line.waiting()
            if message.topic == "streamsel/events"
        ]
        return _replayed((one["type"], one["id"]) for one in told if "id" in one)

    def end(self) -> None:
        super().end()
        self.line.outgoing.close()


class PlugIn(Subject):
    """What another package adds, behind what makes it a sink."""

    breaks: Sequence[str] = ("raises",)

    def __init__(self, folder: Path) -> None:
        self.fault: Exception | None = None
        self.told: list[Event] = []
        self.closed = 0
        point = EntryPoint("outlet", "outlets:Outlet", "streamsel.sinks")
        plugin = Plugin("sink", "outlet", point.value, "outlets 1.0", point)
        self.sink = PluginSink(plugin, self)

    def apply(self, update: SelectionUpdate) -> None:
        if self.fault is not None:
            raise self.fault
        self.told += update.events

    def close(self) -> None:
        self.closed += 1
        if self.closed > 1:
            raise AssertionError("a plug-in is closed once")

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        self.fault = ZeroDivisionError()
        yield
        self.fault = None

    def kept(self) -> list[str]:
        return _replayed(map(_told, self.told))


class Recording(Subject):
    breaks: Sequence[str] = ("failing",)

    def __init__(self, folder: Path) -> None:
        self.sink: RecordingSink = RecordingSink()

    @contextmanager
    def broken(self, how: str) -> Iterator[None]:
        self.sink.failing = True
        yield
        self.sink.failing = False

    def kept(self) -> list[str]:
        return sorted(map(str, self.sink.kept))


SUBJECTS: dict[type, type[Subject]] = {
    DiskSink: RunFolder,
    LiveDiskSink: ServiceFolder,
    ClipSink: Clips,
    ConsoleSink: Console,
    EventStream: Events,
    MqttSink: Mqtt,
    PluginSink: PlugIn,
    RecordingSink: Recording,
}


def updates(subject: Subject) -> list[SelectionUpdate]:
    """Each keeps a frame; beyond three frames the oldest one is evicted."""
    made = []
    for index in range(FRAMES):
        this = subject.frame(index)
        events: list[Event] = []
        if index >= KEPT:
            gone = replace(subject.frame(index - KEPT), picture=Picture(None))
            events.append(Evicted(gone, this.key, 0.2, "closest-pair"))
        made.append(SelectionUpdate(FEED, (verdict(this, "kept", events),), (), b"state"))
    return made


LEFT = [f"{FEED}-{index:06d}" for index in range(FRAMES - KEPT, FRAMES)]
"""The frames that are kept after all :func:`updates`."""


def status(state: FeedState) -> FeedStatus:
    return FeedStatus(FEED, "rtsp://yard", state, "", live_streams.BEGIN, 1, None)


def _told(event: Event) -> tuple[str, str]:
    return "kept" if isinstance(event, Kept) else "evicted", str(event.frame.key)


def _replayed(told: Iterable[tuple[str, str]]) -> list[str]:
    """The frames kept in the end, by what was said; nothing may go that was not kept."""
    kept: set[str] = set()
    for kind, key in told:
        if kind == "kept":
            kept.add(key)
        else:
            kept.remove(key)
    return sorted(kept)
