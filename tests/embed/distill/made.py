"""Tiny material to train on, and a teacher made of two fixed random projections."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from streamsel.embed.distill.material import Picture
from streamsel.embed.distill.teacher import Teacher
from streamsel.embed.distill.views import Views


def _projection(seed: int, width: int) -> Callable[[Picture], npt.NDArray[np.float32]]:
    """Vectors that depend on coarse colours alone."""
    mixing = np.random.default_rng(seed).normal(size=(48, width))

    def look(view: Picture) -> npt.NDArray[np.float32]:
        side = view.shape[0] // 4
        coarse = view.reshape(4, side, 4, side, 3).mean((1, 3)).reshape(48)
        return np.asarray(np.maximum(coarse @ mixing / 255, 0) + 0.01, np.float32)

    return look


TEACHER = Teacher((_projection(7, 200), _projection(8, 120)), (200, 120), "made")


def patches(rng: np.random.Generator) -> Views:
    """A group of four small views: one random patchwork at four brightnesses."""
    base = rng.uniform(0, 200, (4, 4, 3)).repeat(16, 0).repeat(16, 1)
    return np.stack([base + shift for shift in (0, 5, 10, 40)]).astype(np.uint8)


def write_clip(path: Path, frames: int = 6, size: tuple[int, int] = (64, 48)) -> None:
    """A bright square that wanders over a gradient."""
    width, height = size
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        for number in range(frames):
            picture = np.zeros((height, width, 3), np.uint8)
            picture[..., 0] = np.linspace(0, 200, width).astype(np.uint8)
            left = number % (width - 8)
            picture[8:16, left : left + 8] = 255
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_photograph(path: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (6, 8, 3)).astype(np.uint8)
    Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(path)
