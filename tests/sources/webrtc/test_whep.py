"""Servers that are called, good and bad: GStreamer's, and those that answer with anything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.peer import PeerOptions
from streamsel.sources.webrtc.whep import WhepSource
from tests.polling import eventually
from tests.servers.namespaces import Namespaces
from tests.servers.whep import WhepServer
from tests.sources.webrtc.calling import held

TOKEN = "canary-right"
WRONG = "canary-wrong"


@pytest.fixture
def server(nets: Namespaces) -> Iterator[WhepServer]:
    with WhepServer(nets.server_host, TOKEN, nets.server_prefix) as running:
        yield running


@pytest.fixture
def loop() -> Iterator[SideLoop]:
    made = SideLoop("streamsel-webrtc")
    yield made
    made.close()


def source_of(
    loop: SideLoop, server: WhepServer, path: str, password: str = TOKEN, within: float = 10
) -> WhepSource:
    options = LiveOptions(open_timeout=within)
    address = server.address(path, password)
    return WhepSource("drone", address, options, SystemClock(), PeerOptions(), loop)


def error_of(source: WhepSource) -> str:
    with pytest.raises(SourceError) as caught:
        next(iter(source.session(0, 0.0)))
    return str(caught.value)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_what_a_server_sends_becomes_frames(server: WhepServer, loop: SideLoop, codec: str) -> None:
    source = source_of(loop, server, f"/{codec}")
    session = source.session(100, 7.5)
    frames = list(islice(session, 30))
    session.close()

    assert [frame.key.index for frame in frames] == list(range(100, 130))
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}
    assert frames[0].media_time == 7.5
    assert all(a.media_time < b.media_time for a, b in pairwise(frames))
    assert source.tally().decoded >= 30
    # The server learns that nobody receives any more.
    eventually(
        lambda: "ENDED /session/1" in server.said,
        within=5,
        what=f"the session is ended: {server.said}",
    )


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/nothing", "there is no such stream"),
        ("/elsewhere", "it sends on to another address; give that one"),
        ("/page", "it answers with text/html, not with application/sdp"),
        ("/nonsense", "the other side's description cannot be used"),
        ("/endless", "its answer is longer than 64 KB"),
    ],
)
def test_what_a_bad_server_does_is_told(
    server: WhepServer, loop: SideLoop, path: str, told: str
) -> None:
    error = error_of(source_of(loop, server, path))
    assert error.startswith(f"feed 'drone': whep+http://:***@{server.host}:{server.port}{path}")
    assert f"cannot be opened: {told}" in error
    assert TOKEN not in error


def test_a_wrong_token_is_told_and_never_shown(server: WhepServer, loop: SideLoop) -> None:
    error = error_of(source_of(loop, server, "/VP8", WRONG))
    assert "user name, password or token is refused" in error
    assert WRONG not in error


def test_a_server_that_never_answers_is_given_up(server: WhepServer, loop: SideLoop) -> None:
    assert "no answer within 1 s" in error_of(source_of(loop, server, "/silent", within=1))


def test_no_server_at_all(server: WhepServer, loop: SideLoop) -> None:
    source = source_of(loop, server, "/VP8")
    server.kill()
    assert error_of(source).endswith("cannot be opened: connection refused")


def test_a_server_that_dies_is_noticed_and_called_again(
    nets: Namespaces, server: WhepServer, loop: SideLoop
) -> None:
    source = source_of(loop, server, "/VP8")
    session = source.session(0, 0.0)
    assert len(list(islice(session, 10))) == 10
    nets.cut()
    with pytest.raises(SourceError, match="was lost: the sender sent nothing for 4 s"):
        list(session)
    nets.mend()
    assert len(list(islice(source.session(500, 20.0), 5))) == 5


def test_stopping_ends_a_session(server: WhepServer, loop: SideLoop) -> None:
    source = source_of(loop, server, "/VP8")
    session = source.session(0, 0.0)
    next(session)
    threading.Timer(0.2, source.stop).start()
    assert len(list(session)) < 100
    assert list(source.session(0, 0.0)) == []


def test_session_after_session_nothing_grows(server: WhepServer, loop: SideLoop) -> None:
    seen = []
    for _ in range(8):
        session = source_of(loop, server, "/VP8").session(0, 0.0)
        assert len(list(islice(session, 2))) == 2
        session.close()
        assert "refused" in error_of(source_of(loop, server, "/VP8", WRONG))
        seen.append(held())
    eventually(lambda: held() <= seen[2], within=10, what=f"not more than {seen[2]}: {seen}")
