"""Pictures drawn with integers, so that a seed gives the same pixels on every processor.

Only numpy operations with one right result are used: integers, comparisons, and plain arithmetic
on doubles. Tables of curves come from ``math`` and are rounded.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]
"""A picture, (H, W, 3), or a sprite, (H, W, 4), whose last plane is its opacity."""
Levels: TypeAlias = npt.NDArray[np.int64]
Colour: TypeAlias = tuple[int, int, int]

WIDTH, HEIGHT = 640, 360
_GRAIN_SD = 147.8  # of the sum of four bytes


def random_of(*seed: int) -> np.random.Generator:
    """A generator for one purpose, whatever others were used for."""
    return np.random.default_rng(seed)


def smooth_noise(random: np.random.Generator, height: int, width: int, cell: int) -> Levels:
    """Noise that is interpolated between random levels every ``cell`` pixels: (H, W), 0 to 255."""
    knots = random.integers(0, 256, (height // cell + 2, width // cell + 2))
    return _stretched(_stretched(knots, height, cell).T, width, cell).T


def _stretched(knots: Levels, length: int, cell: int) -> Levels:
    place, part = np.divmod(np.arange(length), cell)
    part = part[:, None]
    between: Levels = (knots[place] * (cell - part) + knots[place + 1] * part) // cell
    return between


def texture(random: np.random.Generator, height: int, width: int, cell: int) -> Levels:
    """Noise of four sizes from ``cell`` down, the coarse the stronger: (H, W), 0 to 255."""
    cells = [max(1, cell >> octave) for octave in range(4)]
    weights = [8 >> octave for octave in range(4)]
    layers = [
        weight * smooth_noise(random, height, width, size)
        for size, weight in zip(cells, weights, strict=True)
    ]
    return sum(layers, np.zeros((height, width), np.int64)) // sum(weights)


def bell(sd: float, reach: int) -> Levels:
    """256 exp(-x^2 / 2 sd^2) for x from -``reach`` to ``reach``."""
    offsets = range(-reach, reach + 1)
    return np.array([round(256 * math.exp(-x * x / (2 * sd * sd))) for x in offsets])


def fill(picture: Image, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    """A box of one colour; what lies outside the picture is left out."""
    picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = colour


def roughen(picture: Image, levels: Levels, strength: int) -> None:
    """Make a picture brighter and darker by ``strength`` percent, as levels from 0 to 255 say."""
    factor = 25600 + (levels[..., None] - 128) * 2 * strength
    picture[...] = np.clip(picture * factor // 25600, 0, 255)


def paste(picture: Image, sprite: Image, left: int, top: int) -> float:
    """Lay a sprite onto a picture; return the share of its pixels that are inside."""
    height, width = sprite.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + width), min(picture.shape[0], top + height)
    if x1 <= x0 or y1 <= y0:
        return 0.0
    part = sprite[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.int32)
    under = picture[y0:y1, x0:x1]
    opacity = part[..., 3:]
    under[...] = (under * (255 - opacity) + part[..., :3] * opacity + 127) // 255
    return int(part[..., 3].sum()) / max(1, int(sprite[..., 3].sum(dtype=np.int64)))


def shrunk(sprite: Image, factor: int) -> Image:
    """Average blocks of pixels; a sprite's colours count by their opacity."""
    height, width = sprite.shape[0] // factor, sprite.shape[1] // factor
    blocks = sprite[: height * factor, : width * factor].astype(np.int64)
    opacity = blocks[..., 3:]
    planes = np.concatenate([blocks[..., :3] * opacity, opacity], axis=2)
    sums = planes.reshape(height, factor, width, factor, 4).sum(axis=(1, 3))
    colours = sums[..., :3] // np.maximum(1, sums[..., 3:])
    return np.concatenate([colours, sums[..., 3:] // factor**2], axis=2).astype(np.uint8)


class Grain:
    """Sensor noise: a pool of nearly normal numbers that pictures are cut out of."""

    def __init__(self, random: np.random.Generator, height: int, width: int) -> None:
        self._shape = height, width
        size = 3 * height * width
        parts = random.integers(0, 256, (4, size), dtype=np.uint8)
        self._pool = parts.sum(axis=0, dtype=np.int32) - 510

    def add(self, picture: Image, random: np.random.Generator, sd: float) -> Image:
        """Return the picture with noise of so many grey levels, alike in its three planes."""
        size = self._shape[0] * self._shape[1]
        start = int(random.integers(0, len(self._pool) - size))
        scale = round(sd * 4096 / _GRAIN_SD)
        noise = (self._pool[start : start + size] * scale >> 12).astype(np.int16)
        loud: npt.NDArray[np.int16] = picture + noise.reshape(*self._shape, 1)
        return np.clip(loud, 0, 255, out=loud).astype(np.uint8)
