"""What the stages work on: frames of a clip, one that hardly differs, candidates without end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np

from streamsel.frame import Candidate, Frame, Picture
from streamsel.sources.file import FileSource
from tests.bench.speed.clips import KINDS, Clips
from tests.coreset.candidates import candidate

GROUP_FRAMES = 50
_SCENES = 40
_CHANGING = 8


def clip(folder: Path) -> Path:
    """Four seconds of 1080p: of the real clips in the folder that VIDEOS names, else drawn."""
    videos = os.environ.get("VIDEOS")
    if videos:
        return Clips(Path(videos), folder).clip(KINDS["1080p-h264-moving"], 4).path
    path = folder / "drawn.mp4"
    drawn = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25", "-t", "4"]
    encoded = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", str(GROUP_FRAMES)]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *drawn, *encoded, str(path)], check=True)
    return path


def group(path: Path) -> Iterator[Frame]:
    """The frames of a clip from its beginning, as a source gives them."""
    return islice(FileSource("clip", str(path)).frames(), GROUP_FRAMES)


def nudged(frame: Frame) -> Frame:
    """The same frame with a quarter of its luma two grey levels brighter."""
    image = frame.picture.image
    assert image is not None
    planes = image.to_ndarray(format="yuv420p")  # (H * 3 / 2, W)
    planes[: image.height // 4] += 2
    return replace(frame, picture=Picture(av.VideoFrame.from_ndarray(planes, format="yuv420p")))


def later(frames: list[Frame]) -> Iterator[Frame]:
    """The same frames over and over, each a moment later than the one before."""
    index = 0
    while True:
        for frame in frames:
            yield replace(frame, media_time=index / 25)
            index += 1


def candidates(dim: int) -> Iterator[Candidate]:
    """Frames without end of a feed that stays at a scene for a while and comes back to it.

    In each scene eight things change slowly, so that there is ever less that was not seen before:
    of the 6,400 frames after the first thousand a quarter is admitted, later one in thirty.
    """
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(_SCENES, dim))
    directions = 0.3 * rng.normal(size=(_SCENES, _CHANGING, dim))
    states = np.zeros((_SCENES, _CHANGING))
    index = 0
    while True:
        at = rng.integers(_SCENES)
        for _ in range(int(rng.integers(25, 250))):
            states[at] = 0.98 * states[at] + 0.2 * rng.normal(size=_CHANGING)
            vector = scenes[at] + states[at] @ directions[at] + 0.02 * rng.normal(size=dim)
            yield candidate(index, (vector / np.linalg.norm(vector)).astype(np.float32))
            index += 1
