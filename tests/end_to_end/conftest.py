"""Clips that the whole line is run on, rendered once, and the command as its user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamsel.record.reader import Record
from streamsel.sources.demo.synthetic import render_demo


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def streamsel(
    *arguments: object, environment: Mapping[str, str] | None = None, timeout: float = 240
) -> Finished:
    """Run the command line in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "streamsel", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    return Finished(ended.returncode, ended.stdout, ended.stderr)


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def killed_when_recorded(arguments: list[str], folder: Path, frames: int, number: int) -> int:
    """Run a selection and send it a signal once so many frames are recorded."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streamsel", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if (folder / "streamsel.db").exists():
            with Record.open(folder) as record:
                if sum(feed.recorded for feed in record.feeds()) >= frames:
                    os.kill(process.pid, number)
                    break
    return process.wait()


@pytest.fixture(scope="session")
def demo_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "demo.mp4"
    render_demo(path, seconds=16, size=(320, 180))
    return path


@pytest.fixture(scope="session")
def second_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "second.mp4"
    render_demo(path, seconds=8, size=(320, 180), seed=7)
    return path
