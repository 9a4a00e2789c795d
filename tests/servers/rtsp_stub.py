"""An RTSP camera that is only its front door: it asks for a password in ways that servers do not.

What is let in is passed to a real server behind it, or is answered with a description alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import socketserver
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
_NONCE = "5f0cf1a7d3b94e0f"
_REALM = "camera"
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')


@dataclass(eq=False)
class RtspStub:
    """Asks for ``user`` by digest, offering ``algorithms`` in their order; a context manager.

    Who knows the password, or anyone where there are no algorithms, is connected to the server at
    ``behind``, or, where that is None, is shown ``sdp`` and nothing else. An algorithm that no one
    knows is never satisfied. ``refused`` counts the answers that were wrong. ``is_frozen``: the
    clock of what is sent over TCP stands still.
    """

    user: tuple[str, str] = ("viewer", "canary-right")
    algorithms: Sequence[str] = ("SHA-256",)
    behind: int | None = None
    sdp: str = ""
    is_frozen: bool = False
    refused: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        stub = self

        class Door(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    _serve(stub, self)

        self._server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Door)
        self._server.daemon_threads = True
        self._threads = ThreadPoolExecutor(1, "rtsp-stub")
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

    def url(self, path: str = "/main", *, password: str | None = None) -> str:
        """Its address, with the user's name, and ``password`` in place of the right one."""
        name, right = self.user
        port = self._server.server_address[1]
        return f"rtsp://{name}:{right if password is None else password}@{LOOPBACK}:{port}{path}"

    def is_satisfied(self, method: str, header: str) -> bool:
        """Whether the header of a request answers one of the challenges; counts wrong ones."""
        if not (header and self.algorithms):
            return not self.algorithms
        said = dict(_PARAMETER.findall(header))
        algorithm = said.get("algorithm", "MD5")
        name, password = self.user
        if algorithm in self.algorithms and algorithm in _HASHES:

            def digest(text: str) -> str:
                return hashlib.new(_HASHES[algorithm], text.encode()).hexdigest()

            secret = digest(f"{name}:{_REALM}:{password}")
            asked = digest(f"{method}:{said.get('uri', '')}")
            wanted = digest(f"{secret}:{_NONCE}:{asked}")
            if said.get("response") == wanted:
                return True
        with self._counting:
            self.refused += 1
        return False

    def challenges(self) -> str:
        """What is asked of whoever is not let in."""
        asked = f'WWW-Authenticate: Digest realm="{_REALM}", nonce="{_NONCE}", algorithm='
        return "".join(f"{asked}{algorithm}\r\n" for algorithm in self.algorithms)


def _serve(stub: RtspStub, door: socketserver.StreamRequestHandler) -> None:
    behind: socket.socket | None = None
    with contextlib.ExitStack() as stack:
        while first := door.rfile.read(1):
            if first == b"$":  # a report of the receiver's, between the requests
                head = door.rfile.read(3)
                _pass_on(behind, first + head + door.rfile.read(int.from_bytes(head[1:])))
                continue
            lines = [first + door.rfile.readline()]
            while lines[-1].strip():
                lines.append(door.rfile.readline())
            text = b"".join(lines).decode()
            method = text.split(" ", 1)[0]
            headers = dict(re.findall(r"(?m)^([\w-]+): ?(.*?)\r?$", text))
            number = headers.get("CSeq", "0")
            if not stub.is_satisfied(method, headers.get("Authorization", "")):
                answer = f"RTSP/1.0 401 Unauthorized\r\nCSeq: {number}\r\n{stub.challenges()}\r\n"
                door.wfile.write(answer.encode())
            elif stub.behind is None:
                door.wfile.write(_described(stub, method, number))
            else:
                if behind is None:
                    behind = stack.enter_context(socket.create_connection((LOOPBACK, stub.behind)))
                    pool = stack.enter_context(ThreadPoolExecutor(1, "rtsp-stub-back"))
                    stack.callback(behind.shutdown, socket.SHUT_RDWR)
                    pool.submit(_carry, behind, door.connection, stub.is_frozen)
                _pass_on(behind, re.sub(r"(?m)^Authorization:.*\r?\n", "", text).encode())


def _pass_on(behind: socket.socket | None, content: bytes) -> None:
    if behind is not None:
        behind.sendall(content)


def _carry(source: socket.socket, target: socket.socket, is_frozen: bool) -> None:
    """Pass on what a server sends: its answers, and the packets between them."""
    with contextlib.suppress(OSError), source.makefile("rb") as stream:
        while first := stream.read(1):
            if first == b"$":
                head = stream.read(3)
                packet = stream.read(int.from_bytes(head[1:]))
                if is_frozen and head[0] % 2:
                    continue  # a report, which has the true time
                if is_frozen:
                    packet = packet[:4] + bytes(4) + packet[8:]
                target.sendall(first + head + packet)
                continue
            lines = [first + stream.readline()]
            while lines[-1].strip():
                lines.append(stream.readline())
            answer = b"".join(lines)
            length = re.search(rb"(?i)content-length: *(\d+)", answer)
            target.sendall(answer + stream.read(int(length[1]) if length else 0))


def _described(stub: RtspStub, method: str, number: str) -> bytes:
    head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n"
    if method != "DESCRIBE":
        return f"{head}Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n".encode()
    content = stub.sdp.replace("\n", "\r\n")
    kind = f"Content-Type: application/sdp\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{kind}\r\n{content}".encode()
