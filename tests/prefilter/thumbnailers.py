"""A thumbnailer for made pictures, which counts what it is asked for, and the pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from streamsel.frame import (
    ChromaGrid,
    Frame,
    FrameKey,
    LumaGrid,
    LumaRows,
    Picture,
    Thumbnail,
    View,
)

Luma = npt.NDArray[np.uint8]


class PlainEye:
    """Averages gray pictures with sides that are multiples of 32."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def luma_grid(self, picture: Picture) -> LumaGrid:
        self.asked["luma_grid"] += 1
        return _average(_luma(picture), 32)

    def chroma_grid(self, picture: Picture) -> ChromaGrid:
        self.asked["chroma_grid"] += 1
        return np.full((2, 32, 32), 128, np.uint8)

    def luma_rows(self, picture: Picture, rows: int = 32) -> LumaRows:
        self.asked["luma_rows"] += 1
        return _luma(picture)[::4]

    def luma_range(self, picture: Picture) -> tuple[int, int]:
        return 16, 235

    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        self.asked["thumbnail"] += 1
        return np.repeat(_average(_luma(picture), view.side)[:, :, None], 3, axis=2)


def textured(seed: int, side: int = 64) -> Luma:
    """A picture of hard-edged blocks, different for each seed."""
    blocks = np.random.default_rng(seed).integers(40, 220, (side // 4, side // 4))
    return np.kron(blocks, np.ones((4, 4))).astype(np.uint8)


def shown(pictures: Iterable[Luma], fps: int = 25, corrupt: bool = False) -> list[Frame]:
    """The pictures as the frames of one feed."""
    gray = (av.VideoFrame.from_ndarray(luma, format="gray") for luma in pictures)
    return frames_of(gray, fps=fps, corrupt=corrupt)


def frames_of(images: Iterable[av.VideoFrame], fps: int = 25, corrupt: bool = False) -> list[Frame]:
    """Images of a decoder as the frames of one feed."""
    return [
        Frame(
            key=FrameKey("made", index),
            pts=index,
            time_base=Fraction(1, fps),
            media_time=index / fps,
            width=image.width,
            height=image.height,
            picture=Picture(image),
            corrupt=corrupt,
        )
        for index, image in enumerate(images)
    ]


def _luma(picture: Picture) -> Luma:
    assert picture.image is not None
    return np.asarray(picture.image.to_ndarray(), np.uint8)


def _average(luma: Luma, size: int) -> Luma:
    height, width = luma.shape
    cells = luma.reshape(size, height // size, size, width // size)
    return np.asarray(np.rint(cells.mean(axis=(1, 3))), np.uint8)
