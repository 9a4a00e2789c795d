"""Cameras that only give pictures, asked at an interval: what comes, and how it ends."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

import pytest
from aiohttp import web
from numpy.typing import NDArray
from PIL import Image

from streamsel.clock import SystemClock
from streamsel.decisions import SourceCounters
from streamsel.errors import RefusedError, SourceError
from streamsel.frame import Frame
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.covering import Areas
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.snapshots import SnapshotSource
from streamsel.sources.masks import read_masks

USER = ("viewer", "canary-right")
NONCE = "9f3c"


def jpeg(grey: int) -> bytes:
    content = io.BytesIO()
    Image.new("L", (64, 48), grey).save(content, "jpeg")
    return content.getvalue()


class Camera:
    """Answers with a picture that is brighter each time; ``auth`` is how it asks for a password."""

    def __init__(self, auth: str | None = None) -> None:
        self.asked: list[str] = []
        self.answers: list[bytes] = [jpeg(grey) for grey in range(40, 240, 10)]
        self.status = 200
        self._auth = auth

    async def answer(self, request: web.Request) -> web.Response:
        said = request.headers.get("Authorization", "")
        self.asked.append(said)
        if self._auth is not None and not self._is_let_in(said):
            return web.Response(status=401, headers={"WWW-Authenticate": self._challenge()})
        if self.status != 200:
            return web.Response(status=self.status)
        return web.Response(body=self.answers.pop(0), content_type="image/jpeg")

    def _challenge(self) -> str:
        if self._auth == "basic":
            return 'Basic realm="camera"'
        return f'Digest realm="camera", nonce="{NONCE}", qop="auth", algorithm={self._auth}'

    def _is_let_in(self, said: str) -> bool:
        if self._auth == "basic":
            return said == "Basic dmlld2VyOmNhbmFyeS1yaWdodA=="
        parts = dict(part.strip().split("=", 1) for part in said[7:].split(",") if "=" in part)
        given = {name: value.strip('"') for name, value in parts.items()}
        kind = "md5" if self._auth == "MD5" else "sha256"

        def digest(text: str) -> str:
            return hashlib.new(kind, text.encode()).hexdigest()

        if not given:
            return False
        secret = digest(f"{USER[0]}:camera:{USER[1]}")
        asked = digest(f"GET:{given['uri']}")
        used = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:auth"
        return given["response"] == digest(f"{secret}:{used}:{asked}")


@pytest.fixture
def loop() -> Iterator[SideLoop]:
    side = SideLoop("snapshots")
    yield side
    side.close()


@contextmanager
def served(camera: Camera, loop: SideLoop) -> Iterator[int]:
    """A camera that listens; the port."""
    application = web.Application()
    application.router.add_get("/still.jpg", camera.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port: int = runner.addresses[0][1]
        return port

    try:
        yield loop.call(start())
    finally:
        loop.call(runner.cleanup())


def source(
    port: int, loop: SideLoop, login: str = "", interval: float = 0.1, **options: Any
) -> SnapshotSource:
    address = f"snapshot+http://{login}127.0.0.1:{port}/still.jpg"
    wanted = LiveOptions(**{"read_timeout": 2.0, **options})
    return SnapshotSource("gate", address, wanted, SystemClock(), loop, interval)


def test_one_picture_after_another_is_asked_for(loop: SideLoop) -> None:
    camera = Camera()
    with served(camera, loop) as port:
        one = source(port, loop)
        with closing(one.session(100, 5.0)) as session:
            frames = list(islice(session, 4))
    assert [frame.key.index for frame in frames] == [100, 101, 102, 103]
    assert frames[0].media_time == 5.0
    assert frames[-1].media_time >= 5.25
    assert [grey_of(frame) for frame in frames] == [40, 50, 60, 70]
    assert len(camera.asked) == 4
    assert one.tally() == SourceCounters(4, 4, 0)
    assert one.rhythm.pause == pytest.approx(2.3)


def grey_of(frame: Frame) -> int:
    return round(float(rows_of(frame).mean()))


def rows_of(frame: Frame) -> NDArray[Any]:
    assert frame.picture.image is not None
    return frame.picture.image.to_ndarray(format="gray")


@pytest.mark.parametrize("auth", ["basic", "MD5", "SHA-256"])
def test_a_password_opens_by_every_method_and_is_sent_to_whoever_asks_alone(
    loop: SideLoop, auth: str
) -> None:
    camera = Camera(auth)
    with served(camera, loop) as port:
        one = source(port, loop, "viewer:canary-right@")
        with closing(one.session(0, 0.0)) as session:
            assert len(list(islice(session, 3))) == 3
        assert camera.asked[0] == ""
        assert "canary" not in one.address + repr(one)
        wrong = source(port, loop, "viewer:canary-wrong@")
        with pytest.raises(RefusedError, match="user name or password is refused") as caught:
            next(wrong.session(0, 0.0))
        assert "canary" not in str(caught.value)
        with pytest.raises(RefusedError, match="wants a user name and a password"):
            next(source(port, loop).session(0, 0.0))


def test_what_is_no_picture_ends_the_session(loop: SideLoop) -> None:
    camera = Camera()
    camera.answers[1] = b"<html>try later</html>"
    with served(camera, loop) as port:
        one = source(port, loop)
        with pytest.raises(SourceError, match=r"feed 'gate'.*not a readable image"):
            list(one.session(0, 0.0))
        assert one.tally() == SourceCounters(2, 1, 1)
        camera.status = 503
        with pytest.raises(SourceError, match="gives no picture: it answers 503"):
            next(one.session(1, 0.0))
    with pytest.raises(SourceError, match="gives no picture: connect"):
        next(one.session(1, 0.0))


def test_a_camera_that_does_not_answer_is_given_up(loop: SideLoop) -> None:
    class Silent(Camera):
        async def answer(self, request: web.Request) -> web.Response:
            await asyncio.Event().wait()
            return await super().answer(request)

    with served(Silent(), loop) as port:
        one = source(port, loop, read_timeout=0.3)
        with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
            next(one.session(0, 0.0))


def test_it_is_told_to_stop_and_hides_what_nobody_may_see(loop: SideLoop) -> None:
    camera = Camera()
    areas = Areas.of(read_masks(["0,0,1,0.5:black"]), None)
    with served(camera, loop) as port:
        one = source(port, loop, areas=areas, interval=60.0)
        with closing(one.session(0, 0.0)) as session:
            frame = next(session)
            one.stop()
            assert list(session) == []
        assert list(one.session(1, 0.0)) == []
    rows = rows_of(frame)
    assert rows[:24].mean() < 20 < rows[30:].mean()
