"""A real web server that serves files, and streams that have no end."""

from __future__ import annotations

import contextlib
import ssl
from base64 import b64encode
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
    ``moved`` are paths that it redirects, and where to. ``login`` is what it wants to be told by
    basic authentication, as ``user:password``.
    """

    folder: Path
    streams: Mapping[str, Stream] = field(default_factory=dict)
    tls: Certificates | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    login: str | None = None

    def __enter__(self) -> Self:
        handler = partial(_Handler, self, directory=str(self.folder))
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
    def __init__(self, server: WebServer, *args: Any, **kwargs: Any) -> None:
        self._serving = server
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        stream = self._serving.streams.get(self.path)
        # The client may leave in the middle of anything.
        with contextlib.suppress(OSError):
            if not self._is_known():
                self._answer(401, "WWW-Authenticate", 'Basic realm="cameras"')
            elif self.path in self._serving.moved:
                self._answer(302, "Location", self._serving.moved[self.path])
            elif stream is None:
                super().do_GET()
            else:
                self._answer(200, "Content-Type", stream.kind)
                for piece in stream.pieces():
                    self.wfile.write(piece)

    def _is_known(self) -> bool:
        if self._serving.login is None:
            return True
        told = b64encode(self._serving.login.encode()).decode()
        return self.headers.get("Authorization") == f"Basic {told}"

    def _answer(self, status: int, name: str, value: str) -> None:
        self.send_response(status)
        self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
