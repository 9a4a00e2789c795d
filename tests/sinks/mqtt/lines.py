"""The MQTT line as a service has it, with made decisions to send."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ParamSpec, TypedDict, Unpack

import numpy as np

from streamsel.choices import Durability
from streamsel.clock import Clock, SystemClock
from streamsel.decisions import (
    Event,
    Evicted,
    FeedState,
    FeedStatus,
    Kept,
    Outcome,
    SelectionUpdate,
    Verdict,
)
from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate, EncodedPicture, Frame, PrefilteredFrame
from streamsel.sinks.mqtt.counts import DeliveryCounter
from streamsel.sinks.mqtt.opening import open_sink
from streamsel.sinks.mqtt.options import MqttOptions, TlsOptions
from streamsel.sinks.mqtt.outbox import Outbox
from streamsel.sinks.mqtt.outgoing import Outgoing
from streamsel.sinks.mqtt.payloads import Message
from streamsel.sinks.mqtt.publisher import MqttPublisher
from streamsel.sinks.mqtt.sink import MqttSink
from streamsel.testing import ManualClock
from streamsel.wakeup import Wakeup
from tests.sinks import streams

Given = ParamSpec("Given")


def on_a_loop(test: Callable[Given, Coroutine[None, None, None]]) -> Callable[Given, None]:
    """Run a test that is a coroutine."""

    @functools.wraps(test)
    def run(*arguments: Given.args, **named: Given.kwargs) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@dataclass
class SomeControls:
    """Feeds that can be switched; at most 1,000 frames each."""

    settings: dict[str, tuple[bool, int]] = field(default_factory=lambda: {"gate": (True, 300)})

    def feeds(self) -> Mapping[str, tuple[bool, int]]:
        return self.settings

    def display_name(self, feed: str) -> str:
        return feed

    async def set_enabled(self, feed: str, enabled: bool) -> None:
        self.settings[feed] = (enabled, self.settings[feed][1])

    async def set_count(self, feed: str, count: int) -> None:
        if count > 1_000:
            raise ConfigurationError(f"count is {count}; it must be at most 1,000")
        self.settings[feed] = (self.settings[feed][0], count)


class MqttChoices(TypedDict, total=False):
    """What a test asks of the connection and its outbox; the rest is as ever."""

    host: str
    port: int
    tls: TlsOptions | None
    username: str | None
    password: str | None
    password_file: Path | None
    prefix: str
    client_id: str | None
    discovery: bool
    discovery_prefix: str
    page: str | None
    max_bytes: int
    max_messages: int
    durability: Durability
    keepalive: int
    message_expiry: float | None


def open_line(
    folder: Path,
    broker_port: int,
    controls: SomeControls | None = None,
    clock: Clock | None = None,
    **changes: Unpack[MqttChoices],
) -> tuple[MqttSink, MqttPublisher]:
    wanted: MqttChoices = {"host": "127.0.0.1", "port": broker_port, **changes}
    options = MqttOptions(**wanted)
    sink, make_publisher = open_sink(
        options, folder, clock or SystemClock(), embedder="made", embedder_digest="00ff"
    )
    return sink, make_publisher(controls or SomeControls())


async def opened(
    folder: Path,
    broker_port: int,
    controls: SomeControls | None = None,
    clock: Clock | None = None,
    **changes: Unpack[MqttChoices],
) -> tuple[MqttSink, MqttPublisher]:
    """The same from a coroutine: it blocks."""
    return await asyncio.to_thread(open_line, folder, broker_port, controls, clock, **changes)


@dataclass
class OpenOutbox:
    """Both sides of an outbox, without a broker."""

    folder: Path
    clock: ManualClock
    counter: DeliveryCounter
    wakeup: Wakeup
    outbox: Outbox
    outgoing: Outgoing

    def close(self) -> None:
        self.outgoing.close()
        self.outbox.close()

    def waiting(self) -> list[Message]:
        """Everything that waits, in order."""
        found: list[Message] = []
        after = 0
        while queued := self.outgoing.next(after):
            found.append(queued.message)
            after = queued.seq
        return found

    def settle(self, most: int = 1_000_000) -> int:
        """Take out what waits, one after another, as if the broker had accepted it."""
        for count in range(most):
            queued = self.outgoing.next(0)
            if queued is None:
                return count
            self.outgoing.settle([queued])
        return most


def open_outbox(folder: Path, **changes: Unpack[MqttChoices]) -> OpenOutbox:
    clock, counter, wakeup = ManualClock(), DeliveryCounter(), Wakeup()
    wanted: MqttChoices = {"host": "broker", **changes}
    options = MqttOptions(**wanted)
    outbox = Outbox(folder, options, counter, wakeup, clock)
    return OpenOutbox(folder, clock, counter, wakeup, outbox, Outgoing(folder, counter, clock))


def message(number: int, size: int = 60_000, topic: str = "streamsel/gate/image") -> Message:
    """A message that is the same whoever makes it."""
    content = (f"{number:08d}".encode() * (size // 8 + 1))[:size]
    return Message(f"image/gate-{number:06d}", f"gate-{number:06d}", topic, "image/jpeg", content)


def frame(index: int, size: int = 60_000, feed: str = "gate") -> Frame:
    """A live frame with an encoded picture of so many bytes; 0: it was lost on the way."""
    made = streams.frame(feed, index, seen=size > 0)
    content = (f"{feed}{index:08d}".encode() * (size // 8 + 1))[:size]
    made.picture.encode(lambda _: EncodedPicture(content, made.width, made.height))
    wall = 1_800_000_000.125 + index
    return replace(made, wall_time=wall, received=float(index))


def update(
    *frames: Frame, evicted: Frame | None = None, outcome: Outcome = "kept"
) -> SelectionUpdate:
    """Frames that were kept, each 0.25 from the one before; the last may evict one."""
    verdicts = []
    for number, one in enumerate(frames):
        nearest = frames[number - 1].key if number else None
        distance = 0.25 if number else None
        events: list[Event] = []
        if outcome == "kept":
            events.append(Kept(one, distance, nearest, 0.1, "novel"))
        if evicted is not None and number == len(frames) - 1:
            events.append(Evicted(evicted, one.key, 0.125, "closest-pair"))
        seen = PrefilteredFrame(one, np.zeros((32, 32), np.uint8), 0, 0.5, None, None)
        verdicts.append(
            Verdict(
                Candidate(seen, streams.embedding(0)),
                outcome,
                "novel",
                distance,
                nearest,
                0.1,
                tuple(events),
            )
        )
    return SelectionUpdate("gate", tuple(verdicts))


def content_of(frame: Frame) -> bytes:
    """The image file of a frame that has one."""
    assert frame.picture.encoded is not None
    return frame.picture.encoded.content


def status(
    state: FeedState = "up",
    feed: str = "gate",
    *,
    since: float = 1_800_000_000.5,
    sessions: int = 1,
) -> FeedStatus:
    return FeedStatus(
        feed=feed,
        address="rtsp://cam:***@10.0.0.4/main",
        state=state,
        reason="" if state == "up" else "no picture for 10 s",
        since=since,
        sessions=sessions,
        last_frame=None,
    )


@contextlib.asynccontextmanager
async def running(publisher: MqttPublisher) -> AsyncIterator[asyncio.Task[None]]:
    """Let a publisher run; stopped at the end, which may take 2 s."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(publisher.run())
        yield task
        publisher.stop()
        async with asyncio.timeout(2):
            await asyncio.wait({task})
