"""A crowd of cameras: one real server, in a process of its own, that sends MPEG-TS to hundreds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@contextmanager
def crowd(video: Path, minutes: float = 2) -> Iterator[str]:
    """Serve a video without B-frames for so long to whoever comes; gives its address."""
    command = [sys.executable, "-m", "tests.servers.crowd_process", str(video)]
    command += ["--minutes", str(minutes)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{server.stdout.readline().split()[1]}/camera"
        finally:
            server.kill()
