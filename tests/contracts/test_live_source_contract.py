"""What every live source does, whatever it is connected to: numbered frames, and an end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count, islice, pairwise
from pathlib import Path

import pytest
from PIL import Image

from streamsel.clock import SystemClock
from streamsel.decisions import Rhythm
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.interfaces.sources import LiveSource
from streamsel.plugins import plugins
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.plugin import PluginSource
from streamsel.sources.live.watched_address import FileAddress
from streamsel.sources.live.watched_file import WatchedFile
from streamsel.testing import ScriptedSource
from tests.contracts.implementations import implementations
from tests.plugins import install
from tests.servers.namespaces import Namespaces
from tests.servers.web import WebServer, motion_jpeg
from tests.servers.whep import WhepServer
from tests.sources.live import test_snapshots as snapshots
from tests.sources.media import moving_picture, write_video
from tests.sources.webrtc import test_whep as whep
from tests.sources.webrtc.calling import Sender

SECRET = "canary-5d1e"
GREYS = """
import numpy as np

def greys(address):
    while True:
        yield np.full((48, 64, 3), 128, np.uint8)
"""


class Surroundings:
    """Where sources are opened: a folder, and what is closed with the test."""

    def __init__(self, request: pytest.FixtureRequest, stack: ExitStack) -> None:
        self.request = request
        self.stack = stack
        self.folder: Path = request.getfixturevalue("tmp_path")
        self.patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")

    def loop(self) -> SideLoop:
        loop = SideLoop("contract")
        self.stack.callback(loop.close)
        return loop


def pictures() -> Iterator[bytes]:
    for index in count():
        content = io.BytesIO()
        Image.fromarray(moving_picture(index, 64, 48)).save(content, "jpeg")
        yield content.getvalue()


def camera(around: Surroundings) -> LiveSource:
    web = WebServer(around.folder, {"/mjpeg": motion_jpeg(pictures)})
    address = around.stack.enter_context(web).url("/mjpeg")
    secret = address.replace("//", f"//viewer:{SECRET}@")
    return CameraSource("gate", secret, LiveOptions(), SystemClock())


def plugin(around: Surroundings) -> LiveSource:
    points = {"streamsel.sources": {"greys": "laboratory:greys"}}
    install("laboratory", points, GREYS, around.folder, around.patch)
    (found,) = plugins("source")
    return PluginSource("gate", f"greys://viewer:{SECRET}@lab", found, LiveOptions(), SystemClock())


def scripted(around: Surroundings) -> LiveSource:
    return ScriptedSource("gate", [0.0] * 40)


def snapshot(around: Surroundings) -> LiveSource:
    loop = around.loop()
    port = around.stack.enter_context(snapshots.served(snapshots.Camera(), loop))
    return snapshots.source(port, loop, f"viewer:{SECRET}@")


def watched(around: Surroundings) -> LiveSource:
    path = write_video(around.folder / "clip.mp4", frames=40, size=(64, 48))
    address = FileAddress(path, 50.0)
    return WatchedFile(
        "gate", address, SystemClock(), fps=None, filters=None, decode="all", mask=()
    )


def whep_source(around: Surroundings) -> LiveSource:
    nets: Namespaces = around.request.getfixturevalue("nets")
    server = WhepServer(nets.server_host, SECRET, nets.server_prefix)
    running = around.stack.enter_context(server)
    return whep.source_of(around.loop(), running, "/VP8", SECRET)


def whip_source(around: Surroundings) -> LiveSource:
    ingest = around.request.getfixturevalue("ingest")
    source: LiveSource = ingest.source("gate", LiveOptions(open_timeout=20))
    sender = Sender(ingest, "gate").call()
    around.stack.callback(sender.leave)
    return source


SOURCES: dict[str, Callable[[Surroundings], LiveSource]] = {
    "CameraSource": camera,
    "PluginSource": plugin,
    "ScriptedSource": scripted,
    "SnapshotSource": snapshot,
    "WatchedFile": watched,
    "WhepSource": whep_source,
    "WhipSource": whip_source,
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[LiveSource]:
    with ExitStack() as stack:
        yield SOURCES[request.param](Surroundings(request, stack))


def test_every_live_source_is_here() -> None:
    assert implementations(LiveSource) == SOURCES.keys()


def test_a_session_is_numbered_and_timed_on_and_ends_when_stopped(source: LiveSource) -> None:
    with closing(source.session(100, 7.5)) as session:
        frames = list(islice(session, 4))
        assert [frame.key.index for frame in frames] == [100, 101, 102, 103]
        assert {frame.key.feed for frame in frames} == {source.feed}
        assert frames[0].media_time == pytest.approx(7.5)
        assert all(a.media_time <= b.media_time for a, b in pairwise(frames))
        assert all(frame.width > 0 < frame.height for frame in frames)
        assert all(one.wall_time is not None and one.received is not None for one in frames)
        assert source.tally().decoded >= 3
        source.stop()
        assert len(rest_of(session)) <= 40
    assert len(rest_of(source.session(200, 9.0))) <= 1


def test_it_tells_who_it_is_and_no_secret(source: LiveSource) -> None:
    assert SECRET not in source.address
    assert source.address
    assert isinstance(source.rhythm, Rhythm)
    assert source.is_push == (type(source).__name__ == "WhipSource")


def rest_of(session: Iterator[Frame]) -> list[Frame]:
    """What still comes; a session ends by an error, or returns where it was stopped."""
    frames: list[Frame] = []
    try:
        frames.extend(session)
    except SourceError:
        return frames
    return frames
