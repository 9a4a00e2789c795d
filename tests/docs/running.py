"""Runs the shell snippets of a page, one command after another, as a reader would."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.exceptions import COMMANDS
from tests.docs.snippets import Snippet
from tests.polling import eventually

_ID = re.compile(r"gate-\d{6}")
_PATIENCE = 60.0


def exception(command: str) -> str | None:
    """The expression in the table of exceptions that a command is excused by."""
    return next((pattern for pattern in COMMANDS if re.search(pattern, command)), None)


@dataclass
class Reader:
    """Somebody in a folder who types what a page tells; ``prefix`` puts them on a network.

    A service is left running, in a terminal of its own, until another is started or the page ends.
    An id like ``gate-000123`` stands for one that is really kept.
    """

    folder: Path
    env: dict[str, str]
    prefix: Sequence[str] = ()
    service: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def follow(self, snippet: Snippet) -> str:
        """Type a snippet; return what it printed. Fails where a command does."""
        printed = ""
        for command in snippet.commands():
            if exception(command) is not None:
                continue
            if assigned := re.fullmatch(r"export (\w+)=(\S+)", command):
                self.env[assigned[1]] = assigned[2]
            elif command.startswith("streamsel watch"):
                self.start(command)
            else:
                printed += self._run(command, snippet.place)
        return printed

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Stop what is left running at the end, as Ctrl-C does."""
        try:
            yield
            self.stop()
        finally:
            if self.service is not None:
                self.service.kill()
                self.service.wait()

    def start(self, command: str) -> None:
        """Start a service, and wait until it keeps something; without a gate, until it answers."""
        self.stop()
        words = [*self.prefix, "bash", "-c", f"exec {command}"]
        with (self.folder / "service.log").open("ab") as log:
            self.service = subprocess.Popen(
                words, cwd=self.folder, env=self.env, stdout=log, stderr=log
            )
        settings = self.folder / "streamsel.yaml"
        has_gate = "gate" in command + (settings.read_text() if settings.exists() else "")
        works = self.kept if has_gate else self._answers
        eventually(works, within=_PATIENCE, what=f"{command} works: {self._said()}")

    def stop(self) -> None:
        """End the service in good order."""
        if self.service is not None:
            self.service.send_signal(signal.SIGINT)
            assert self.service.wait(_PATIENCE) in {0, 130}, self._said()
            self.service = None

    def kept(self) -> str | None:
        """The id of a frame of the gate that is kept now."""
        assert self.service is None or self.service.poll() is None, self._said()
        asked = self._shell("curl -s 'http://127.0.0.1:9464/api/frames?feed=gate&limit=1'")
        found = json.loads(asked.stdout)["frames"] if asked.returncode == 0 else []
        return found[0]["id"] if found else None

    def _answers(self) -> bool:
        assert self.service is None or self.service.poll() is None, self._said()
        # A certificate that was just made is not trusted by anybody yet.
        return self._shell("curl -skf https://127.0.0.1:9464/healthz").returncode == 0

    def _run(self, command: str, place: str) -> str:
        self._make_room(command)
        if _ID.search(command):
            command = _ID.sub(self.kept() or "none", command)
        ended = self._shell(command)
        assert ended.returncode == 0, f"{place}: {command}\n{ended.stdout}{ended.stderr}"
        # curl is content with any answer; a reader is not.
        assert not re.match(r'{"error"', ended.stdout), f"{place}: {command}\n{ended.stdout}"
        return ended.stdout

    def _make_room(self, command: str) -> None:
        """Pages show one way after another, each to the same place: what is there must go."""
        if written := re.match(r"streamsel (?:select|export) .*-o (\S+)", command):
            place = self.folder / written[1]
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, "bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def _said(self) -> str:
        return (self.folder / "service.log").read_text(errors="replace")
