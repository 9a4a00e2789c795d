"""A link to a broker that is worse than any broker: it breaks, and it says no."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

_PUBLISH, _PUBACK = 3, 4
_QUOTA_EXCEEDED = 0x97


@contextlib.asynccontextmanager
async def bad_link(
    port: int, largest_bytes: int = 1 << 28, refusals: int = 0
) -> AsyncIterator[int]:
    """Pass packets on to the broker at ``port`` and back. Yields our port.

    Hangs up on a message of more than ``largest_bytes``; turns the first so many acknowledgements
    into refusals for the time being.
    """
    left = [refusals]

    async def up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await _packet(reader, largest_bytes)
            writer.write(_framed(kind, body))
            await writer.drain()

    async def down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await _packet(reader, 1 << 28)
            if kind >> 4 == _PUBACK and left[0]:
                left[0] -= 1
                body = body[:2] + bytes([_QUOTA_EXCEEDED])
            writer.write(_framed(kind, body))
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", port)
            ways = [
                asyncio.ensure_future(up(reader, to_broker)),
                asyncio.ensure_future(down(from_broker, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_broker.transport.abort()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _packet(reader: asyncio.StreamReader, largest_bytes: int) -> tuple[int, bytes]:
    (kind,) = await reader.readexactly(1)
    length, shift, coded = 0, 0, 128
    while coded & 128:
        (coded,) = await reader.readexactly(1)
        length |= (coded & 127) << shift
        shift += 7
    if kind >> 4 == _PUBLISH and length > largest_bytes:
        raise ConnectionAbortedError
    return kind, await reader.readexactly(length)


def _framed(kind: int, body: bytes) -> bytes:
    length, coded = len(body), bytearray([kind])
    while True:
        length, part = divmod(length, 128)
        coded.append(part | (128 if length else 0))
        if not length:
            return bytes(coded) + body
