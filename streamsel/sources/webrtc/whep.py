"""The source of a WHEP feed: connects to a WebRTC server."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from streamsel.clock import Clock
from streamsel.errors import OfferError, RefusedError, SourceError
from streamsel.frame import Frame
from streamsel.interfaces.concurrency import Loop
from streamsel.libav import ends_as_source_error
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.http_client import trust, why_unanswered
from streamsel.sources.webrtc.offer import MOST_BYTES
from streamsel.sources.webrtc.peer import Peer, PeerOptions
from streamsel.sources.webrtc.session import PeerSource

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_SDP = "application/sdp"
_FAREWELL_SECONDS = 2.0
_NOT_LET_IN = "user name, password or token is refused"
_REFUSED = {
    404: "there is no such stream",
    405: "it is not a WHEP address",
    406: "it does not take the offer",
    409: "the stream is not sent now",
    503: "it is busy",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL of a WHEP server, and the credentials."""

    url: str
    authorization: str | None = field(repr=False)


def endpoint_of(location: str) -> Endpoint:
    """Read ``whep+https://[user:password@]host/path``; a password alone is a bearer token.

    >>> endpoint_of("whep+https://:abc@cam.example:8889/yard/whep").url
    'https://cam.example:8889/yard/whep'
    """
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme.lower().removeprefix("whep+"), host, *parts[2:4], ""))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user:
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return Endpoint(url, f"Basic {login}")
    return Endpoint(url, f"Bearer {password}" if password else None)


class WhepSource(PeerSource):
    """Receives video from a WHEP server; a ``LiveSource``. Its connections run on ``loop``."""

    def __init__(
        self,
        feed: str,
        location: str,
        options: LiveOptions,
        clock: Clock,
        peers: PeerOptions,
        loop: Loop,
    ) -> None:
        super().__init__(feed, location, options, clock)
        self._peers = peers
        self._loop = loop
        self._call: _Call | None = None

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Connect once and yield frames; see ``streamsel.interfaces.sources.LiveSource``."""
        if self._stopped.is_set():
            return
        where = self._where
        call = self._call = self._loop.call(
            _open(where, self._location, self._options, self._clock, self._peers)
        )
        reception = call.peer.reception
        if self._stopped.is_set():
            reception.end("the feed is not read any more")
        try:
            yield from self._session(reception, start, media_time)
        finally:
            self._loop.call(call.leave())
        if not self._stopped.is_set():
            raise SourceError(f"{where} was lost: {reception.ended}")

    def stop(self) -> None:
        """End the session, permanently. Safe from any thread."""
        super().stop()
        if (call := self._call) is not None:
            call.peer.reception.end("the feed is not read any more")


class _Call:
    """A session with a server, from its answer on. Made and ended in the loop of peers."""

    def __init__(self, peer: Peer, endpoint: Endpoint, resource: str | None, tls: ssl.SSLContext):
        self.peer = peer
        self._endpoint = endpoint
        self._resource = resource
        self._tls = tls
        self._serving = asyncio.ensure_future(peer.serve())

    async def leave(self) -> None:
        """Release all resources, and notify the server."""
        import aiohttp

        self.peer.end("it was left")
        await asyncio.wait([self._serving])
        if self._resource is None:
            return
        try:
            async with _client(self._endpoint, _FAREWELL_SECONDS) as client:
                await client.delete(self._resource, ssl=self._tls, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return  # the server notices by itself


async def _open(
    where: str, location: str, options: LiveOptions, clock: Clock, peers: PeerOptions
) -> _Call:
    """Connect to a server. Raises :class:`SourceError` for any unexpected response."""
    import aiohttp

    endpoint = endpoint_of(location)
    tls = trust(where, options)
    peer = Peer(peers, clock)
    async with AsyncExitStack() as failing:
        failing.push_async_callback(peer.close)
        try:
            async with _client(endpoint, options.open_timeout) as client:
                answer, resource = await _ask(client, endpoint, await peer.offer(), tls)
            await peer.accept(answer)
        except RefusedError as error:
            raise RefusedError(f"{where} cannot be opened: {error}") from None
        except OfferError as error:
            raise SourceError(f"{where} cannot be opened: {error}") from None
        except TimeoutError:
            told = f"no answer within {options.open_timeout:g} s"
            raise SourceError(f"{where} cannot be opened: {told}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise SourceError(f"{where} cannot be opened: {why_unanswered(error)}") from None
        failing.pop_all()
    return _Call(peer, endpoint, resource, tls)


def _client(endpoint: Endpoint, within: float) -> ClientSession:
    import aiohttp

    headers = {} if endpoint.authorization is None else {"Authorization": endpoint.authorization}
    return aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=within))


async def _ask(
    client: ClientSession, endpoint: Endpoint, offer: str, tls: ssl.SSLContext
) -> tuple[str, str | None]:
    """Send an offer; return the answer and the session's address."""
    async with client.post(
        endpoint.url,
        data=offer.encode(),
        headers={"Content-Type": _SDP, "Accept": _SDP},
        ssl=tls,
        # Credentials are sent only to the configured server.
        allow_redirects=False,
    ) as response:
        if response.status != 201:
            if 300 <= response.status < 400:
                raise OfferError("it sends on to another address; give that one")
            if response.status in (401, 403):
                raise RefusedError(_NOT_LET_IN)
            raise OfferError(_REFUSED.get(response.status, f"it answers {response.status}"))
        answer = await _body(response)
        place = response.headers.get("Location")
    if place is None:
        return answer, None
    resource = urljoin(endpoint.url, place)
    same = urlsplit(resource)[:2] == urlsplit(endpoint.url)[:2]
    return answer, resource if same else None


async def _body(response: ClientResponse) -> str:
    if response.content_type != _SDP:
        raise OfferError(f"it answers with {response.content_type}, not with {_SDP}")
    content = b""
    async for part in response.content.iter_any():
        content += part
        if len(content) > MOST_BYTES:
            raise OfferError("its answer is longer than 64 KB")
    return content.decode("utf-8", "replace")
