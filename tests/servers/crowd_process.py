"""A server of endless MPEG-TS for hundreds of clients, in a process of its own: one event loop.

Its argument is the path of a video without B-frames. It says ``READY port`` on stdout once it
listens. Whatever path is asked for, each client is sent the video from its beginning at its own
speed, again and again with times that go on, and nothing is encoded again. The bytes are the same
for all, and made once, for as long as ``--minutes`` says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.packet import Packet

_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n"


class Piece(NamedTuple):
    """What is sent at once, and when, in seconds from the beginning."""

    due: float
    content: bytes


class Collector:
    """A file to write into, of which the bytes since the last look can be taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        """Take what the muxer writes."""
        self._written += content
        return len(content)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._written = bytes(self._written), bytearray()
        return taken


def pieces(path: Path, seconds: float) -> list[Piece]:
    """Mux a video again and again, for so long at least; a piece is a picture."""
    packets, period, time_base = _packets(path)
    made, sink = [], Collector()
    flushing = {"flush_packets": "1"}
    with (
        av.open(str(path)) as film,
        av.open(sink, "w", format="mpegts", options=flushing) as container,
    ):
        stream = container.add_stream_from_template(film.streams.video[0])
        turn = 0
        while float(turn * period * time_base) < seconds:
            for content, pts, is_keyframe in packets:
                packet = Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = stream, time_base, is_keyframe
                packet.pts = packet.dts = pts + turn * period
                due = float(packet.pts * time_base)
                container.mux_one(packet)
                made.append(Piece(due, sink.take()))
            turn += 1
    return made


def _packets(path: Path) -> tuple[list[tuple[bytes, int, bool]], int, Fraction]:
    """The packets with their times, how long they last, and in which unit."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        found = [
            (bytes(packet), packet.pts, packet.is_keyframe)
            for packet in film.demux(stream)
            if packet.pts is not None
        ]
        step = found[1][1] - found[0][1]
        assert stream.time_base is not None
        return found, found[-1][1] + step - found[0][1], stream.time_base


async def serve(made: list[Piece], host: str) -> None:
    """Send it to whoever comes, for ever."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_HEAD)
            began = loop.time()
            for piece in made:
                await asyncio.sleep(began + piece.due - loop.time())
                writer.write(piece.content)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, 0, backlog=1024)
    print(f"READY {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--host", default="127.0.0.1")
    wanted = parser.parse_args()
    asyncio.run(serve(pieces(wanted.video, 60 * wanted.minutes), wanted.host))


if __name__ == "__main__":
    main()
