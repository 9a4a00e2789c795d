"""Limits concurrent connections: idle clients are closed when new ones need room."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from streamsel.json_text import json_text

_PATIENCE_SECONDS = 1.0
_MOST_REFUSALS = 64
_MOST_HEAD_BYTES = 16 * 1024


def _refusal() -> bytes:
    body = json_text({"error": "too many clients are connected; try again"}).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
        "Connection: close\r\nServer: streamsel\r\n\r\n"
    )
    return head.encode() + body


_REFUSAL = _refusal()


class Clients:
    """Bounds the number of connected clients to about ``most``. Used on the event loop.

    When one more connects, the oldest connection without a request in progress gets a 503 response
    and is closed: clients that send nothing, or only slowly, block nobody. If all connections have
    requests in progress, the new client gets a 503 response to its request.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[RequestHandler] = set()
        self._refused: set[Refusal] = set()

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request as middleware; its client counts as active meanwhile."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    def accept(self, server: web.Server) -> asyncio.BaseProtocol:
        """Return the protocol for a new client."""
        connected = [each for each in server.connections if each.transport is not None]
        excess = len(connected) - self._most + 1
        leaving = list(filter(self._is_silent, connected))[: max(0, excess)]
        for each in leaving:
            if each.transport is not None:
                each.transport.write(_REFUSAL)
            each.force_close()
        return server() if len(leaving) >= excess else Refusal(self._refused)

    def _is_silent(self, client: RequestHandler) -> bool:
        transport = client.transport
        is_written_to = transport is not None and transport.get_write_buffer_size() > 0
        return client not in self._busy and not is_written_to


class Refusal(asyncio.Protocol):
    """A protocol that responds 503 to any request and closes the connection.

    It waits up to a second for the request, because closing a connection with unread data makes the
    client discard the response; if many clients are refused, it responds at once.
    """

    def __init__(self, refused: set[Refusal]) -> None:
        """``refused`` is the set of connections being refused."""
        self._refused = refused
        self._came = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request, unless too many are being waited for."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._refused) >= _MOST_REFUSALS:
            self._tell()
            return
        self._refused.add(self)
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._tell)

    def data_received(self, data: bytes) -> None:
        """Respond once the request's head is complete."""
        self._came += data
        if b"\r\n\r\n" in self._came or len(self._came) > _MOST_HEAD_BYTES:
            self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._refused.discard(self)
        self._transport = None

    def _tell(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_REFUSAL)
            self._transport.close()
