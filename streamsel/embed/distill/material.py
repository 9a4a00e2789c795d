"""Training material of the distillation: clips and photographs on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from streamsel.errors import ConfigurationError

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

CLIP_SUFFIXES = frozenset({".avi", ".gif", ".mkv", ".mov", ".mp4", ".webm"})
PHOTOGRAPH_SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".webp"})
SHORT_SIDE = 288
MOST_FRAMES = 400


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames of one clip in presentation order, (N, H, W, 3) RGB, read-only.

    ``weight`` is the relative frequency of the clip in training. Clips in one subfolder count as
    one scene and share the weight of a single clip.
    """

    name: str
    frames: npt.NDArray[np.uint8]
    weight: float


def load_clips(folder: Path) -> tuple[Clip, ...]:
    """Decode every clip under ``folder``, in order of path.

    All of them are trained on: keep test clips, and other clips of their scenes, out of the
    folder. Frames are scaled to a short side of at most 288 pixels; a clip of more than 400 frames
    is sampled evenly. Raises :class:`ConfigurationError` if there is no clip, or one cannot be
    decoded.
    """
    paths = find_clips(folder)
    clips = []
    for path in paths:
        mates = 1 if path.parent == folder else sum(p.parent == path.parent for p in paths)
        frames = _decode(path)
        frames = frames[:: -(-len(frames) // MOST_FRAMES)]
        frames.setflags(write=False)
        clips.append(Clip(str(path.relative_to(folder)), frames, 1 / mates))
    return tuple(clips)


def find_clips(folder: Path) -> tuple[Path, ...]:
    """List the clips under ``folder`` in order of path; ConfigurationError if none."""
    return tuple(_files(folder, CLIP_SUFFIXES))


def find_photographs(folder: Path) -> tuple[Path, ...]:
    """List the photographs under ``folder`` in order of path; ConfigurationError if none."""
    return tuple(_files(folder, PHOTOGRAPH_SUFFIXES))


def load_photograph(path: Path) -> Picture:
    """Decode one photograph to RGB; ConfigurationError if that fails."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be decoded: {error}") from error


def _files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes)
    if not found:
        raise ConfigurationError(
            f"{folder}: holds no file to train on (looked for {', '.join(sorted(suffixes))})"
        )
    return found


def _decode(path: Path) -> npt.NDArray[np.uint8]:
    """(N, H, W, 3), at least one frame."""
    try:
        with av.open(str(path)) as container:
            frames = [_small(frame) for frame in container.decode(video=0)]
    except (av.FFmpegError, IndexError) as error:
        raise ConfigurationError(f"{path}: cannot be decoded: {error}") from error
    if not frames:
        raise ConfigurationError(f"{path}: holds no frame")
    return np.stack(frames)


def _small(frame: av.VideoFrame) -> Picture:
    scale = min(1.0, SHORT_SIDE / min(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    small = frame.reformat(width, height, "rgb24", interpolation="AREA")
    return small.to_ndarray().astype(np.uint8, copy=False)
