"""The source of snapshot cameras: polls a picture at an interval (``snapshot+http://...``)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import av

from streamsel.clock import Clock
from streamsel.decisions import Rhythm
from streamsel.errors import RefusedError, SourceError
from streamsel.frame import Frame
from streamsel.interfaces.concurrency import Loop
from streamsel.libav import ends_as_source_error
from streamsel.sources.container.opening import decode_content
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.http_client import trust, why_unanswered
from streamsel.sources.live.receiving import ReceivingSource, UntimedVideo

if TYPE_CHECKING:
    from aiohttp import ClientMiddlewareType, ClientResponse, ClientSession

_PREFIX = "snapshot+"
_MOST_BYTES = 64 << 20
_LATE_PICTURES = 3


class SnapshotSource(ReceivingSource):
    """Polls a camera for single pictures; a ``LiveSource``.

    A session keeps the authentication (basic, or digest with MD5, SHA-256 and others) and, if the
    camera allows, the connection. It ends with the first response that is not a picture.
    """

    def __init__(
        self,
        feed: str,
        location: str,
        options: LiveOptions,
        clock: Clock,
        loop: Loop,
        interval: float,
    ) -> None:
        """Polls every ``interval`` seconds; requests run on ``loop``."""
        super().__init__(feed, location, options, clock)
        self._loop = loop
        self._interval = interval

    @property
    def rhythm(self) -> Rhythm:
        """Pauses of a few intervals are normal."""
        return Rhythm(pause=_LATE_PICTURES * self._interval + self._options.read_timeout)

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Poll until stopped or without a response; see ``interfaces.sources.LiveSource``."""
        camera = _Camera(self._where, self._location, self._options, self._loop)
        with closing(camera), closing(self._pictures(camera)) as pictures:
            video, masked = UntimedVideo(self._clock), self._masked(pictures)
            yield from self._frames(video, masked, start, media_time)

    def _pictures(self, camera: _Camera) -> Generator[av.VideoFrame, None, None]:
        due = self._clock.monotonic()
        while not self._stopped.wait(max(0.0, due - self._clock.monotonic())):
            # A slow response shifts the schedule; missed requests are not made up for.
            due = max(due, self._clock.monotonic() - self._interval) + self._interval
            content = camera.picture()
            self._count(received=1)
            yield self._decoded(content)

    def _decoded(self, content: bytes) -> av.VideoFrame:
        try:
            image = decode_content(self._where, content)
        except SourceError:
            self._count(damaged=1)
            raise
        self._count(decoded=1)
        return image


class _Camera:
    """The HTTP client of one camera; its connection belongs to the loop."""

    def __init__(self, where: str, location: str, options: LiveOptions, loop: Loop) -> None:
        parts = urlsplit(location[len(_PREFIX) :])
        host = parts.netloc.rpartition("@")[2]
        self._where = where
        self._url = urlunsplit((*parts[:1], host, *parts[2:4], ""))
        self._login = None
        if parts.username is not None:
            self._login = unquote(parts.username), unquote(parts.password or "")
        self._options = options
        self._loop = loop
        self._tls = trust(where, options)
        self._client: ClientSession | None = None

    def picture(self) -> bytes:
        """Request a picture. Raises :class:`SourceError`, or :class:`RefusedError`."""
        return self._loop.call(self._picture())

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._loop.call(self._client.close())

    async def _picture(self) -> bytes:
        import aiohttp

        cannot = f"{self._where} gives no picture"
        try:
            content, challenge = await self._ask()
            if content is None and self._login is not None and challenge is not None:
                await self._answer(challenge)
                content, challenge = await self._ask()
        except TimeoutError:
            why = f"no answer within {self._options.read_timeout:g} s"
            raise SourceError(f"{cannot}: {why}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise SourceError(f"{cannot}: {why_unanswered(error)}") from None
        if content is None:
            refused = "it wants a user name and a password"
            if self._login is not None:
                refused = "user name or password is refused"
            raise RefusedError(f"{cannot}: {refused}")
        return content

    async def _ask(self) -> tuple[bytes | None, str | None]:
        """Return the picture; or None and the authentication challenges if access is denied."""
        if self._client is None:
            self._client = _client(self._options)
        async with self._client.get(
            self._url,
            ssl=self._tls,
            headers={"Cache-Control": "no-cache"},
            # Credentials are sent only to the configured camera.
            allow_redirects=self._login is None,
            max_redirects=3,
        ) as response:
            if response.status in (401, 403):
                challenges = response.headers.getall("WWW-Authenticate", ())
                return None, "\n".join(challenges).lower()
            if response.status != 200:
                raise SourceError(f"{self._where} gives no picture: it answers {response.status}")
            return await self._body(response), None

    async def _answer(self, challenge: str) -> None:
        """Send the credentials from now on, with the authentication that the camera requests."""
        import aiohttp

        if self._login is None or self._client is None:
            return
        await self._client.close()
        if "digest" in challenge:
            digest = aiohttp.DigestAuthMiddleware(*self._login)
            self._client = _client(self._options, middlewares=(digest,))
        else:
            basic = {"Authorization": aiohttp.encode_basic_auth(*self._login)}
            self._client = _client(self._options, headers=basic)

    async def _body(self, response: ClientResponse) -> bytes:
        content = bytearray()
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > _MOST_BYTES:
                most = f"its picture is of more than {_MOST_BYTES >> 20} MiB"
                raise SourceError(f"{self._where} gives no picture: {most}")
        return bytes(content)


def _client(
    options: LiveOptions,
    headers: Mapping[str, str] | None = None,
    middlewares: Sequence[ClientMiddlewareType] = (),
) -> ClientSession:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=options.read_timeout, connect=options.open_timeout)
    return aiohttp.ClientSession(timeout=timeout, headers=headers, middlewares=middlewares)
