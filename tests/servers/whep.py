"""A real WHEP server for tests: GStreamer sends VP8 or H.264 to whoever asks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import leave_out

_PYTHON = "/usr/bin/python3"
_PROCESS = Path(__file__).with_name("whep_process.py")
_NEEDED = (
    "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst, GstWebRTC; "
    "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('nicesrc', 'vp8enc', 'x264enc')))"
)


class WhepServer:
    """Sends at ``/VP8`` and ``/H264`` to who has the ``token``; use as a context manager.

    Its other paths answer as bad servers do: ``/silent``, ``/elsewhere``, ``/page``, ``/nonsense``
    and ``/endless``. ``prefix`` goes before its command, to run it in a network namespace, where
    it listens at ``host``.
    """

    def __init__(self, host: str, token: str, prefix: Sequence[str] = ()) -> None:
        _require_webrtcbin()
        self.host = host
        self.said: list[str] = []
        self._plan = {"host": host, "authorization": f"Bearer {token}"}
        self._prefix = prefix

    def __enter__(self) -> Self:
        command = [*self._prefix, _PYTHON, "-W", "ignore", str(_PROCESS), json.dumps(self._plan)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        if len(said) != 2:
            raise RuntimeError("the WHEP server does not start")
        self.port = int(said[1])
        self._threads = ThreadPoolExecutor(1, "whep-server")
        self._threads.submit(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """kill -9: nobody is notified."""
        self._process.kill()
        self._process.wait()
        self._threads.shutdown()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def address(self, path: str, password: str) -> str:
        """Where a client finds a path, and how it logs in."""
        return f"whep+http://:{password}@{self.host}:{self.port}{path}"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.strip())


def _require_webrtcbin() -> None:
    command = [_PYTHON, "-W", "ignore", "-c", _NEEDED]
    if not os.path.exists(_PYTHON) or subprocess.run(command, capture_output=True).returncode:
        leave_out(
            "no WebRTC server here (apt-get install python3-gi gir1.2-gst-plugins-bad-1.0 "
            "gstreamer1.0-nice gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly)"
        )
