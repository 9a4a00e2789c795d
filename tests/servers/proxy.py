"""A proxy between a client and a server that does to the bytes what networks do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypeVar

T = TypeVar("T")
Mode: TypeAlias = Literal["pass", "stall", "corrupt", "refuse"]

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 4096
_RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """Passes TCP connections on to ``host:port``; use as a context manager. Seeded.

    ``set_mode`` says what becomes of what the server sends: ``pass``; ``stall``, nothing arrives
    while connections stay open; ``corrupt``, of each chunk of 4 KB a byte is changed with the
    given probability; ``refuse``: besides, new connections are closed at once.
    ``bytes_per_second`` makes the line slow.
    """

    def __init__(self, port: int, host: str = _LOOPBACK) -> None:
        self._target = host, port
        self._mode: Mode = "pass"
        self._probability = 0.0
        self._chance = random.Random(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self._threads = ThreadPoolExecutor(1, "fault-proxy")
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.bytes_per_second: float | None = None
        self.port = 0

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._running = self._threads.submit(self._run, started)
        self.port = started.result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._running.result(10)
        self._threads.shutdown()

    def set_mode(self, mode: Mode, probability: float = 0.0) -> None:
        """Do this from now on, to connections that exist as well."""
        self._mode, self._probability = mode, probability
        change = self._flowing.clear if mode == "stall" else self._flowing.set
        self._loop.call_soon_threadsafe(change)

    def reset(self) -> None:
        """End every connection with a TCP reset."""
        self._call(self._reset())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self, started: Future[int]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: Future[int]) -> None:
        self._ended = asyncio.Event()
        async with await asyncio.start_server(self._pass, _LOOPBACK, 0) as server:
            started.set_result(server.sockets[0].getsockname()[1])
            await self._ended.wait()
            server.close()
            await self._reset()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "refuse":
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            upstream, to_server = await asyncio.open_connection(*self._target)
            self._writers |= {writer, to_server}
            await asyncio.gather(
                self._pump(reader, to_server), self._pump(upstream, writer, from_server=True)
            )
            self._writers -= {writer, to_server}
        writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_server: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(_CHUNK_BYTES):
                if from_server:
                    content = await self._spoil(content)
                writer.write(content)
                await writer.drain()
        writer.transport.abort()

    async def _spoil(self, content: bytes) -> bytes:
        await self._flowing.wait()
        if self.bytes_per_second is not None:
            await asyncio.sleep(len(content) / self.bytes_per_second)
        if self._mode != "corrupt" or self._chance.random() >= self._probability:
            return content
        spoilt = bytearray(content)
        spoilt[self._chance.randrange(len(spoilt))] ^= 1 << self._chance.randrange(8)
        return bytes(spoilt)

    async def _reset(self) -> None:
        for writer in list(self._writers):
            connection = writer.get_extra_info("socket")
            if connection is not None and not writer.is_closing():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
