"""`streamsel watch` as its users run it: a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import yaml

from tests.polling import eventually

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
# Much for a service, little for a machine that runs three tests at a time.
_ANSWER_SECONDS = 20
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def total(exposed: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels, in what ``/metrics`` says."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        float(value)
        for found, text, value in _SAMPLE.findall(exposed)
        if found == name and all(label in text for label in wanted)
    )


class Service:
    """One run of the service in ``folder``; leaving the context kills what is left of it."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        env: Mapping[str, str] | None = None,
        *,
        program: tuple[str, ...] | None = None,
        token: str | None = None,
    ) -> None:
        """``program`` is what runs in place of the ``streamsel`` command.

        With a ``token``, which the configuration must have too, it can be asked from elsewhere.
        """
        self.folder = folder
        self.port = free_port()
        self.file = folder / "streamsel.yaml"
        self.log = folder / "service.log"
        self._host = "127.0.0.1" if token is None else "0.0.0.0"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        self._program = program or (sys.executable, "-m", "streamsel")
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the file; a service that runs reads it at the next :meth:`reload`."""
        service = {"listen": f"{self._host}:{self.port}", **config.get("service", {})}
        whole = {**config, "service": service}
        self.file.write_text(yaml.safe_dump(whole))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self.kill()
        if error is not None:
            error.add_note(self.said())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        command = [*self._program, "watch", "-c", str(self.file)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=self._env, stdout=log, stderr=log
            )
        eventually(self._answers, within=60, what="the service answers")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"exited {self._process.returncode}: {self.said()}")
        try:
            return bool(self.get("/healthz").status == 200)
        except (ConnectionError, urllib.error.URLError):
            return False

    def stop(self, within: float = 10) -> int:
        """Send SIGTERM; return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(within)

    def kill(self) -> None:
        """Send SIGKILL: nothing can be put in order any more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers=self._headers)
        return urllib.request.urlopen(request, timeout=_ANSWER_SECONDS)

    def send(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self._headers},
            method=method,
        )
        return urllib.request.urlopen(request, timeout=_ANSWER_SECONDS)

    def feeds(self) -> dict[str, dict[str, Any]]:
        """What /api/feeds says, by name of the feed."""
        return {feed["feed"]: feed for feed in json.load(self.get("/api/feeds"))}

    def state(self, feed: str) -> str | None:
        found = self.feeds().get(feed)
        return None if found is None else found["state"]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return total(self.get("/metrics").read().decode(), name, **labels)

    def _is_up(self, feed: str) -> bool:
        return self.state(feed) == "up"

    def until_up(self, *feeds: str, within: float = 20) -> None:
        for feed in feeds:
            eventually(partial(self._is_up, feed), within=within, what=f"{feed} is up")

    def until_frames(self, feed: str, more: int, within: float = 20) -> None:
        """Wait until so many more frames of a feed were decoded."""
        name = "streamsel_frames_decoded_total"
        wanted = self.metric(name, feed=feed) + more
        eventually(
            lambda: self.metric(name, feed=feed) >= wanted,
            within=within,
            what=f"{more} more frames of {feed}",
        )

    def kept_files(self, folder: str = "kept") -> set[str]:
        place = self.folder / folder
        return {str(path.relative_to(place)) for path in place.rglob("frames/**/*.jpg")}
