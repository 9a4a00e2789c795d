"""A real web server that serves files, and streams that have no end."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers.broker import Certificates

LOOPBACK = "127.0.0.1"
BOUNDARY = "frame"


@dataclass(frozen=True, slots=True)
class Stream:
    """What is sent of a path, piece by piece, to each client from the beginning."""

    kind: str
    pieces: Callable[[], Iterator[bytes]]


def motion_jpeg(pictures: Callable[[], Iterator[bytes]]) -> Stream:
    """Pictures one after another, as network cameras send them to a browser."""

    def parts() -> Iterator[bytes]:
        for picture in pictures():
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
            yield f"{head}\r\n\r\n".encode() + picture + b"\r\n"

    return Stream(f"multipart/x-mixed-replace; boundary={BOUNDARY}", parts)


@dataclass(eq=False)
class WebServer:
    """Serves the files of a folder, and streams by path; use as a context manager.

    ``tls`` makes it speak https alone. A stream with a waiting iterator sends nothing meanwhile.
    """

    folder: Path
    streams: Mapping[str, Stream] = field(default_factory=dict)
    tls: Certificates | None = None

    def __enter__(self) -> Self:
        handler = partial(_Handler, self.streams, directory=str(self.folder))
        self._server = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._server.daemon_threads = True
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._threads = ThreadPoolExecutor(1, "web-server")
        self._threads.submit(self._server.serve_forever, 0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._threads.shutdown()

    def url(self, path: str) -> str:
        """The address of a file or a stream."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{LOOPBACK}:{self._server.server_port}{path}"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, streams: Mapping[str, Stream], *args: Any, **kwargs: Any) -> None:
        self._streams = streams
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        stream = self._streams.get(self.path)
        # The client may leave in the middle of anything.
        with contextlib.suppress(OSError):
            if stream is None:
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", stream.kind)
            self.send_header("Connection", "close")
            self.end_headers()
            for piece in stream.pieces():
                self.wfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
