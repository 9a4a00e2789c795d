"""Who takes part: ffmpeg as it is used today, other tools that pick frames, and streamsel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final


class MissingError(Exception):
    """A program that takes part is not installed."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a contestant; ``count`` frames, where it can be told a number."""

    clip: Path
    out: Path
    count: int


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program and the arguments it is given.

    ``package`` is how pip knows it, which also tells its version; empty for ffmpeg.
    """

    name: str
    program: str
    package: str
    arguments: Callable[[Job], list[str]]

    def argv(self, job: Job) -> list[str]:
        """The command line."""
        return [self.program, *self.arguments(job)]

    def version(self, path: str) -> str:
        """Its name and version; raises :class:`MissingError` where it is not on the path."""
        found = shutil.which(self.program, path=path)
        if found is None:
            how = f"pip install {self.package}" if self.package else f"install {self.program}"
            raise MissingError(
                f"{self.name!r} needs {self.program}, which is not installed: {how}, name its"
                f" environment with --peers, or leave it out with --without {self.name!r}"
            )
        if not self.package:
            said = _output([found, "-version"])
            return " ".join(said.split()[:3:2])
        python = str(Path(found).with_name("python"))
        ask = f"from importlib.metadata import version; print(version({self.package!r}))"
        return f"{self.package} {_output([python, '-c', ask]).strip()}"


def _output(argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _decode(job: Job) -> list[str]:
    return ["-nostdin", "-v", "error", "-i", str(job.clip), "-f", "null", "-"]


def _filtered(*chain: str) -> Callable[[Job], list[str]]:
    def arguments(job: Job) -> list[str]:
        opened = ["-nostdin", "-v", "error", "-i", str(job.clip)]
        return [*opened, *chain, str(job.out / "%d.jpg")]

    return arguments


def _scenedetect(job: Job) -> list[str]:
    return ["-q", "-i", str(job.clip), "-o", str(job.out), "detect-content", "save-images"]


def _sampler(*options: str) -> Callable[[Job], list[str]]:
    def arguments(job: Job) -> list[str]:
        return ["hash", str(job.clip), str(job.out), *options]

    return arguments


def ours(mode: str, *options: str) -> Contestant:
    """Streamsel, decoding in one of its ways; ``options`` are given as they are."""

    def arguments(job: Job) -> list[str]:
        wanted = ["-n", str(job.count), "-o", str(job.out), "--overwrite", "--quiet"]
        # Long clips repeat a short one: what comes again shall cost as much as what is new.
        wanted += ["--keep-exact-duplicates", "--decode", mode]
        return ["select", str(job.clip), *wanted, *options]

    return Contestant(f"streamsel --decode {mode}", _OURS, "streamsel", arguments)


_OURS: Final = str(Path(sys.executable).with_name("streamsel"))
DECODE_MODES: Final = ("all", "fast", "reference", "keyframes", "adaptive")
_VARIABLE: Final = ("-fps_mode", "vfr")
# It still looks at no more than one frame a second, which it does by default.
_EVERY: Final = ("--no-keyframes-only",)
# The first is what all are set against.
_ALL: Final = (
    Contestant("ffmpeg, decode only", "ffmpeg", "", _decode),
    Contestant("ffmpeg fps=5", "ffmpeg", "", _filtered("-vf", "fps=5")),
    Contestant("ffmpeg mpdecimate", "ffmpeg", "", _filtered("-vf", "mpdecimate", *_VARIABLE)),
    Contestant(
        "ffmpeg scene", "ffmpeg", "", _filtered("-vf", "select='gt(scene,0.3)'", *_VARIABLE)
    ),
    Contestant("PySceneDetect", "scenedetect", "scenedetect", _scenedetect),
    Contestant("video-sampler", "video_sampler", "video-sampler", _sampler(*_EVERY)),
    Contestant("video-sampler keyframes", "video_sampler", "video-sampler", _sampler()),
    *map(ours, DECODE_MODES),
)
CONTESTANTS: Final = {one.name: one for one in _ALL}
