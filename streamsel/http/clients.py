"""Limits concurrent connections: idle clients are closed when new ones need room."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

_PATIENCE_SECONDS = 1.0
_MOST_REFUSALS = 64
_MOST_HEAD_BYTES = 16 * 1024


def _refusal() -> bytes:
    body = json.dumps({"error": "too many clients are connected; try again"}).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
        "Connection: close\r\nServer: streamsel\r\n\r\n"
    )
    return head.encode() + body


_REFUSAL = _refusal()


class Clients:
    """Bounds how many clients are connected, about ``most``. On the loop.

    Where one more comes, the one that was connected first of those that ask nothing now is told 503
    and let go of: who sends nothing, or drop by drop, keeps nobody else from being answered. Where
    all are being answered, the one that comes is told 503, once it has asked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[RequestHandler] = set()
        self._refused: set[Refusal] = set()

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request, as a middleware: its client is not silent meanwhile."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    def accept(self, server: web.Server) -> asyncio.BaseProtocol:
        """Return what speaks with a client that comes now."""
        connected = [each for each in server.connections if each.transport is not None]
        excess = len(connected) - self._most + 1
        for each in filter(self._is_silent, connected):
            if excess <= 0:
                break
            if each.transport is not None:
                each.transport.write(_REFUSAL)
            each.force_close()
            excess -= 1
        return server() if excess <= 0 else Refusal(self._refused)

    def _is_silent(self, client: RequestHandler) -> bool:
        transport = client.transport
        is_written_to = transport is not None and transport.get_write_buffer_size() > 0
        return client not in self._busy and not is_written_to


class Refusal(asyncio.Protocol):
    """Says 503 to whatever is asked, and hangs up.

    It is said after the request has come, since one that comes to a closed connection makes the
    client's system throw the answer away; within a second, and at once where many are refused.
    """

    def __init__(self, refused: set[Refusal]) -> None:
        """``refused`` are those that are being told."""
        self._refused = refused
        self._came = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request, unless too many are waited for already."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._refused) >= _MOST_REFUSALS:
            self._tell()
            return
        self._refused.add(self)
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._tell)

    def data_received(self, data: bytes) -> None:
        """Answer once the head of a request is there."""
        self._came += data
        if b"\r\n\r\n" in self._came or len(self._came) > _MOST_HEAD_BYTES:
            self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._refused.discard(self)
        self._transport = None

    def _tell(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_REFUSAL)
            self._transport.close()
