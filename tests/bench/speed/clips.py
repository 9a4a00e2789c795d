"""Makes the clips that speed is measured on, each once, of real clips in a folder.

A block of 20 s is encoded; longer clips repeat it without encoding, so their length is free. Only
what must never come again is encoded as long as it is.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RATE = 25
BLOCK_SECONDS = 20
_GOP = 50
_ENCODERS: Final = {"h264": "libx264", "hevc": "libx265"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A real clip and what is done to it: it is played again and again, or once.

    ``recurs`` where a block of it may be repeated to make a longer clip.
    """

    video: str
    filters: str = "null"
    once: bool = False
    recurs: bool = True


_PAUSES = "tpad=start_mode=clone:start_duration=9:stop_mode=clone:stop_duration=9"
SCENES: Final = {
    # Somebody passes for three seconds of each twenty; sensor noise else.
    "resting": Scene("worker-zone-detection.gif", f"{_PAUSES},noise=alls=4:allf=t", once=True),
    "moving": Scene("car-detection.mp4"),
    "busy": Scene("bikes.mp4"),
    # Colours turn so slowly, and in so many ways, that no frame of an hour is like another.
    "changing": Scene("bikes.mp4", "hue=h=0.7*t:s=1+0.6*sin(t/211)", recurs=False),
}
HEIGHTS: Final = (1080, 720)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a clip is like; ``camera`` is encoded as cameras do, without B-frames."""

    height: int
    codec: str
    scene: str
    camera: bool = False

    @property
    def name(self) -> str:
        """How to ask for it, e.g. ``1080p-h264-resting-camera``."""
        return f"{self.height}p-{self.codec}-{self.scene}{'-camera' if self.camera else ''}"


KINDS: Final = {
    kind.name: kind
    for kind in itertools.starmap(
        Kind, itertools.product(HEIGHTS, _ENCODERS, SCENES, (False, True))
    )
}
DEFAULT: Final = (
    "1080p-h264-resting",
    "1080p-h264-moving",
    "1080p-h264-resting-camera",
    "1080p-hevc-moving",
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on the disk."""

    path: Path
    frames: int


class Clips:
    """Makes clips of the videos in one folder and keeps them in another."""

    def __init__(self, videos: Path, folder: Path) -> None:
        self._videos = videos
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def clip(self, kind: Kind, seconds: int) -> Clip:
        """Return a clip, made now unless it is there already.

        Raises :class:`ValueError` for a length above 20 s that is no multiple of it, and
        :class:`FileNotFoundError` for a video that is not in the folder.
        """
        if seconds > BLOCK_SECONDS and seconds % BLOCK_SECONDS:
            raise ValueError(f"a clip of {seconds} s cannot be made; give a multiple of 20")
        path = self._folder / f"{kind.name}-{seconds}s.mp4"
        if not path.exists():
            if seconds > BLOCK_SECONDS and SCENES[kind.scene].recurs:
                block = self.clip(kind, BLOCK_SECONDS).path
                again = seconds // BLOCK_SECONDS - 1
                _ffmpeg(["-stream_loop", str(again), "-i", str(block), "-c", "copy"], path)
            else:
                _ffmpeg(self._encoding(kind, seconds), path)
        return Clip(path, seconds * RATE)

    def _encoding(self, kind: Kind, seconds: int) -> list[str]:
        scene = SCENES[kind.scene]
        source = self._videos / scene.video
        if not source.exists():
            raise FileNotFoundError(f"{source} is not there; --videos must hold that clip")
        width, height = kind.height * 16 // 9, kind.height
        chain = [f"scale={width}:{height}:force_original_aspect_ratio=increase"]
        chain += [f"crop={width}:{height}", scene.filters, "format=yuv420p"]
        # -r before -i shows every frame of the source once, at 25 a second: none is made twice.
        again = "0" if scene.once else "-1"
        arguments = ["-r", str(RATE), "-stream_loop", again, "-i", str(source), "-an"]
        arguments += ["-vf", ",".join(chain)]
        arguments += ["-frames:v", str(seconds * RATE), "-c:v", _ENCODERS[kind.codec]]
        # What cannot be repeated is encoded as long as it is, an hour maybe.
        arguments += ["-preset", "medium" if scene.recurs else "veryfast", "-g", str(_GOP)]
        if kind.camera:
            arguments += ["-bf", "0"]
        if kind.codec == "hevc":
            arguments += ["-x265-params", "log-level=error"]
        return arguments


def _ffmpeg(arguments: list[str], path: Path) -> None:
    """Write a file whole or not at all."""
    unborn = path.with_suffix(".part.mp4")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(unborn)]
    subprocess.run(command, check=True)
    os.replace(unborn, path)
