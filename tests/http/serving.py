"""A service to ask, with something behind it: feeds and frames in memory, pictures on the disk."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import aiohttp
from multidict import CIMultiDictProxy

from streamsel.clock import Clock, SystemClock
from streamsel.decisions import FeedState, FeedStatus
from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey, SceneChange
from streamsel.http.control import Explanation, FeedView, Position, SenderControl
from streamsel.http.events import EventBroker
from streamsel.http.options import ServiceOptions
from streamsel.http.server import Service
from streamsel.metrics.observer import Metrics
from streamsel.record.gallery import FrameView
from streamsel.record.values import GoneScope, StoredPicture
from tests.metrics.scenario import fresh_metrics

SECRET = "canary-7f3a"
TOKEN = "canary-token-51c8"
BORN = 1_764_000_000.0


def view(feed: str, state: FeedState = "up", kept: int = 3) -> FeedView:
    address = f"rtsp://viewer:{SECRET}@10.0.0.4/main"
    reason = "" if state == "up" else f"no answer from {address}"
    status = FeedStatus(feed, address, state, reason, BORN, 1, BORN + 60)
    return FeedView(status, state != "disabled", feed, 300, kept)


def kept_frame(feed: str, index: int, wall_time: float) -> FrameView:
    key = FrameKey(feed, index)
    return FrameView(
        key,
        wall_time,
        index / 25,
        StoredPicture(key, f"frames/{feed}/{key}.jpg", 64, 48, 9, "ab"),
        0.5,
        None,
        "novel",
        False,
        SceneChange(0.005, fixed=True),
    )


class Behind:
    """Implements ``ServiceControl``; tests set what it holds, and look at it afterwards."""

    def __init__(self, folder: Path | None = None, feeds: Sequence[FeedView] = ()) -> None:
        self.folder = folder
        self.views = {view.status.feed: view for view in feeds}
        self.kept: list[FrameView] = []
        self.claimed: set[str] | None = None
        self.reasons: list[str] = []
        self.left: dict[str, GoneScope] = {}
        self.trouble: Exception | None = None
        self.hangs = asyncio.Event()

    def keep(self, frame: FrameView, content: bytes = b"\xff\xd8 picture") -> Path:
        self.kept.append(frame)
        assert self.folder is not None
        file = self.folder / frame.picture.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def feeds(self) -> Sequence[FeedView]:
        return list(self.views.values())

    def unready(self) -> Sequence[str]:
        return self.reasons

    async def frames(
        self, feed: str | None, limit: int, before: Position | None
    ) -> Sequence[FrameView]:
        self._fail_where_told()
        places = {
            Position(frame.wall_time, frame.key.feed, frame.key.index): frame
            for frame in self.kept
            if feed in (None, frame.key.feed)
        }
        below = [place for place in places if before is None or place < before]
        return [places[place] for place in sorted(below, reverse=True)[:limit]]

    async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
        self._fail_where_told()
        return [frame for key in keys for frame in self.kept if frame.key == key]

    async def explain(self, key: FrameKey) -> Explanation | None:
        found = await self.find([key])
        beside = [one for one in self.kept if found and one.key == found[0].nearest]
        return Explanation(found[0], beside[0] if beside else None, "so it is") if found else None

    async def claims(self, path: str) -> bool:
        if self.claimed is not None:
            return path in self.claimed
        return any(frame.picture.path == path for frame in self.kept)

    async def gone(self) -> Sequence[GoneScope]:
        self._fail_where_told()
        return list(self.left.values())

    async def remove_gone(self, scope: str) -> int:
        self._fail_where_told()
        found = self.left.pop(scope, None)
        return 0 if found is None else found.frames

    async def pin(self, key: FrameKey, pinned: bool) -> bool:
        self._fail_where_told()
        for place, frame in enumerate(self.kept):
            if frame.key == key:
                self.kept[place] = replace(frame, pinned=pinned)
                return True
        return False

    async def set_enabled(self, feed: str, enabled: bool) -> bool:
        return self._replace(feed, lambda view: replace(view, enabled=enabled))

    async def set_count(self, feed: str, count: int) -> bool:
        if count > 50_000:
            raise ConfigurationError(f"feeds.{feed}.count is {count}; it must be at most 50000")
        return self._replace(feed, lambda view: replace(view, count=count))

    def _replace(self, feed: str, change: Callable[[FeedView], FeedView]) -> bool:
        if feed not in self.views:
            return False
        self.views[feed] = change(self.views[feed])
        return True

    def _fail_where_told(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Asked(TypedDict, total=False):
    """What a request has beside its method and path."""

    data: object
    json: object
    headers: Mapping[str, str]
    allow_redirects: bool
    params: Mapping[str, str]
    ssl: ssl.SSLContext


class Client:
    """Asks a service."""

    def __init__(self, service: Service, session: aiohttp.ClientSession) -> None:
        self.service = service
        self.session = session
        self.port = int(service.url.rpartition(":")[2])

    async def ask(self, method: str, path: str, **options: Unpack[Asked]) -> Answer:
        async with self.session.request(method, self.service.url + path, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Unpack[Asked]) -> Answer:
        return await self.ask("GET", path, **options)

    async def put(self, path: str, body: object) -> Answer:
        return await self.ask("PUT", path, json=body)

    async def json(self, path: str) -> Any:
        async with self.session.get(self.service.url + path) as answer:
            return await answer.json()

    async def raw(self, request: bytes) -> bytes:
        """Send bytes as they are; return all that comes until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            writer.close()

    async def raw_get(self, target: str, host: str = "localhost") -> bytes:
        """Ask for a target that no client would send: nothing in it is put right."""
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        return await self.raw(head.encode())


class Senders:
    """Implements ``SenderControl``: answers with ``answer``, or raises it."""

    def __init__(self, *feeds: str) -> None:
        self.waiting = feeds
        self.answer: SenderAnswer | Exception = SenderAnswer("s3ss10n", "v=0 answered")
        self.offers: list[tuple[str, str]] = []
        self.sessions: set[tuple[str, str]] = set()

    def feeds(self) -> Collection[str]:
        return self.waiting

    async def offer(self, feed: str, sdp: str) -> SenderAnswer:
        self.offers.append((feed, sdp))
        if isinstance(self.answer, Exception):
            raise self.answer
        self.sessions.add((feed, self.answer.session))
        return self.answer

    async def end(self, feed: str, session: str) -> bool:
        if (feed, session) not in self.sessions:
            return False
        self.sessions.remove((feed, session))
        return True


@dataclass(frozen=True)
class SenderAnswer:
    session: str
    sdp: str


def service_of(
    options: ServiceOptions,
    behind: Behind | None = None,
    *,
    metrics: Metrics | None = None,
    events_broker: EventBroker | None = None,
    senders: SenderControl | None = None,
    clock: Clock | None = None,
) -> Service:
    """Make a service, inside a running loop, of what is given and of stand-ins."""
    clock = clock or SystemClock()
    return Service(
        options,
        metrics or fresh_metrics(),
        behind or Behind(),
        events_broker or EventBroker(clock),
        senders or Senders(),
        clock,
    )


class ServiceChoices(TypedDict, total=False):
    """What a test asks of the server; the rest is as ever."""

    host: str
    port: int
    token: str | None
    tls_cert: Path | None
    tls_key: Path | None
    origins: tuple[str, ...]
    allow_insecure: bool
    folder: Path | None
    access_log: bool
    patience: float


@asynccontextmanager
async def serving(
    behind: Behind | None = None,
    *,
    metrics: Metrics | None = None,
    events_broker: EventBroker | None = None,
    senders: SenderControl | None = None,
    clock: Clock | None = None,
    trusts: ssl.SSLContext | None = None,
    jar: aiohttp.abc.AbstractCookieJar | None = None,
    **options: Unpack[ServiceChoices],
) -> AsyncIterator[Client]:
    """Run a service on a free port of the loopback."""
    wanted: ServiceChoices = {"port": 0, **options}
    made = ServiceOptions(**wanted)
    service = service_of(
        made, behind, metrics=metrics, events_broker=events_broker, senders=senders, clock=clock
    )
    connector = aiohttp.TCPConnector(ssl=trusts) if trusts else None
    async with service, aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        yield Client(service, session)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
