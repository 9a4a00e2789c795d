"""Why a camera is not opened, or odd: each in a line that says so."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from urllib.parse import urlsplit

import av
import pytest

from streamsel.clock import SystemClock
from streamsel.errors import RefusedError, SourceError
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.unopened import unopened
from streamsel.testing import ManualClock
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer
from tests.servers.rtsp_stub import RtspStub
from tests.servers.web import WebServer

SOUND = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=camera
t=0 0
m=audio 0 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=control:track1
"""


@pytest.fixture(scope="module")
def server(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("server")
    clip = camera_clip(ffmpeg, folder / "main.mp4", seconds=4, size=(320, 180))
    with RtspServer(folder, {"/main": Mount([clip])}) as running:
        yield running


def camera(address: str) -> CameraSource:
    options = LiveOptions(open_timeout=5, read_timeout=2)
    return CameraSource("gate", address, options, SystemClock())


def why_not(address: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        next(camera(address).session(0, 0.0))
    assert "canary" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256", "MD5")])
def test_digests_that_can_be_answered_open_and_wrong_passwords_are_refused(
    server: RtspServer, algorithms: tuple[str, ...]
) -> None:
    with RtspStub(algorithms=algorithms, behind=server.port) as stub:
        session = camera(stub.url()).session(0, 0.0)
        assert len(list(islice(session, 3))) == 3
        session.close()
        assert stub.refused == 0
        error = why_not(stub.url(password="canary-wrong"))
        assert stub.refused == 1
    assert isinstance(error, RefusedError)
    assert str(error).endswith("user name or password is refused")


@pytest.mark.parametrize("algorithms", [("SHA-256",), ("MD5", "SHA-256"), ("SHA-512-256",)])
def test_a_digest_that_cannot_be_answered_is_said_to_be_the_reason(
    algorithms: tuple[str, ...],
) -> None:
    with RtspStub(algorithms=algorithms) as stub:
        error = why_not(stub.url())
        assert stub.refused == 0
    assert isinstance(error, RefusedError)
    assert f"digest authentication by {' and '.join(algorithms)}, and only MD5" in str(error)
    assert "set the camera to MD5" in str(error)


def test_a_camera_that_wants_a_password_that_nobody_gave_says_so() -> None:
    with RtspStub() as stub:
        error = why_not(stub.url().replace("viewer:canary-right@", ""))
    assert isinstance(error, RefusedError)
    assert "wants a user name and a password" in str(error)


def test_sound_alone_is_said_of_a_camera() -> None:
    with RtspStub(algorithms=(), sdp=SOUND) as stub:
        assert "sends no video (sound alone" in str(why_not(stub.url()))


def test_sound_alone_is_said_of_a_stream(ffmpeg: Path, tmp_path: Path) -> None:
    path = tmp_path / "sound.ts"
    with av.open(str(path), "w", format="mpegts") as output:
        stream = output.add_stream("mp2", rate=48000)
        silence = av.AudioFrame(format="s16", layout="stereo", samples=1152)
        silence.sample_rate = 48000
        for number in range(100):
            silence.pts = number * 1152
            output.mux(stream.encode(silence))
    with WebServer(tmp_path) as web:
        assert "sends no video (sound alone" in str(why_not(web.url("/sound.ts")))


def test_an_unknown_host_is_said() -> None:
    # A name that no name server is asked about.
    error = why_not(f"rtsp://{'x' * 70}.invalid/main")
    assert "is unknown; check its name" in str(error)
    assert "Input/output error" not in str(error)


def explained(monkeypatch: pytest.MonkeyPatch, takes: float, error: Exception | None = None) -> str:
    """What is said of a camera that gave no answer, where resolving its name goes like this."""
    clock = ManualClock()

    def resolve(host: str, port: object) -> list[object]:
        assert host == "camera.example"
        clock.advance(takes)
        if error is not None:
            raise error
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    late = av.error.ExitError(1, "exit requested")
    parts = urlsplit("rtsp://me:canary@camera.example/main")
    return str(unopened("feed 'gate'", parts, late, "no answer", LiveOptions(), clock))


def test_a_slow_name_server_is_said_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert explained(monkeypatch, 0.1).endswith("cannot be opened: no answer")
    slow = explained(monkeypatch, 8.0)
    assert "the name server takes 8.0 s to find the host camera.example" in slow
    assert "canary" not in slow


@pytest.mark.parametrize(
    ("number", "said"),
    [(socket.EAI_AGAIN, "no name server says where"), (socket.EAI_NONAME, "is unknown")],
)
def test_who_does_not_know_a_host_is_said(
    monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    told = explained(monkeypatch, 10.0, socket.gaierror(number, "Name or service not known"))
    assert said in told
    assert "camera.example" in told


def test_a_clock_that_stands_still_is_said_once_and_does_without(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "streamsel.feeds")
    with RtspStub(algorithms=(), behind=server.port, is_frozen=True) as stub:
        session = camera(stub.url()).session(0, 0.0)
        frames = list(islice(session, 60))
        session.close()
    assert caplog.text.count("its clock stands still") == 1
    times = [frame.media_time for frame in frames]
    assert times == sorted(times)
    moving = [after for before, after in pairwise(times) if after > before]
    assert len(moving) > 10
