"""A real RTSP server for tests: it can be refused by, killed, frozen and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from tests.conftest import leave_out
from tests.servers.broker import Certificates

LOOPBACK = "127.0.0.1"
_PYTHON = "/usr/bin/python3"
_NEEDED = "gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
_PROCESS = Path(__file__).with_name("rtsp_process.py")


@dataclass(frozen=True, slots=True)
class Mount:
    """What is served under a path: files of one codec, one after another, without B-frames.

    The codec is H.264, H.265 or MJPEG. Files of different sizes make a feed that changes its
    resolution. Each client is sent them from the beginning; then again and again, or, where it does
    not ``repeat``, the server ends the session.
    """

    files: Sequence[Path]
    repeats: bool = True


class RtspServer:
    """An RTSP server; use as a context manager. Serves over TCP and UDP, as the client asks.

    ``mounts`` are what it serves, by path (``/main``). ``user`` is a name and a password that it
    asks for, by the basic method or by ``digest``. ``tls`` makes it speak rtsps alone. It listens
    at ``host`` on ``port`` (0: any that is free, the same again after :meth:`kill`). ``prefix``
    goes before its command, to run it in a network namespace.
    """

    def __init__(
        self,
        folder: Path,
        mounts: Mapping[str, Mount],
        *,
        user: tuple[str, str] | None = None,
        digest: bool = False,
        tls: Certificates | None = None,
        host: str = LOOPBACK,
        port: int = 0,
        prefix: Sequence[str] = (),
    ) -> None:
        _require_gstreamer()
        self._log = folder / "rtsp.log"
        self._user = user
        self._scheme = "rtsp" if tls is None else "rtsps"
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None
        self.host = host
        self.port = port
        name, password = user or (None, None)
        self._plan = {
            "host": host,
            "user": name,
            "password": password,
            "digest": digest,
            "certificate": None if tls is None else str(tls.certificate),
            "key": None if tls is None else str(tls.key),
            "mounts": {
                path: ([str(file) for file in mount.files], _codec(mount.files[0]), mount.repeats)
                for path, mount in mounts.items()
            },
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if error is not None:
            error.add_note(f"the RTSP server said: {self._log.read_text(errors='replace')}")

    def start(self) -> None:
        """Start it, on the same port where it has run before. Returns once it listens."""
        plan = json.dumps({**self._plan, "port": self.port})
        command = [*self._prefix, _PYTHON, "-W", "ignore", str(_PROCESS), plan]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        said = self._process.stdout.readline().split() if self._process.stdout else []
        if len(said) != 2:
            raise RuntimeError(f"the RTSP server does not start: {self._log.read_text()}")
        self.port = int(said[1])

    def kill(self) -> None:
        """kill -9: its clients hear that the connection is closed."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """Stop its process, its connections left open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def url(self, path: str, *, password: str | None = None, host: str | None = None) -> str:
        """The address of a mount, with the user's name where it asks for one.

        ``password`` stands in for the right one, ``host`` for the server's.
        """
        who = ""
        if self._user is not None:
            name, right = self._user
            who = f"{name}:{right if password is None else password}@"
        return f"{self._scheme}://{who}{host or self.host}:{self.port}{path}"

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None, "the server does not run"
        self._process.send_signal(which)


def _codec(file: Path) -> str:
    with av.open(str(file)) as container:
        return container.streams.video[0].codec_context.codec.canonical_name


def _require_gstreamer() -> None:
    command = [_PYTHON, "-c", f"import gi; {_NEEDED}"]
    if not os.path.exists(_PYTHON) or subprocess.run(command, capture_output=True).returncode:
        leave_out(
            "no RTSP server here (apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 "
            "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad glib-networking)"
        )
