"""What a camera looks at: places that are drawn here, photographs, and frames of clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from tests.bench.worth.drawing import (
    HEIGHT,
    WIDTH,
    Colour,
    Image,
    fill,
    random_of,
    roughen,
    texture,
)

DRAWN = ("yard", "street", "room")
PHOTOGRAPHS = ("china", "flower")  # of scikit-learn


def background(name: str, seed: int) -> Image:
    """Return a place as (H, W, 3): one of ``DRAWN``, of ``PHOTOGRAPHS``, or a frame of a file."""
    if name in DRAWN:
        return _DRAWINGS[name](seed)
    if name in PHOTOGRAPHS:
        from sklearn.datasets import load_sample_image

        return _fitted(Pillow.fromarray(load_sample_image(f"{name}.jpg")))
    return _frame_of(Path(name))


def clips_of(folder: Path) -> Sequence[str]:
    """The videos of a folder that can be backgrounds, sorted by name."""
    kinds = {".mp4", ".mkv", ".webm", ".mov", ".gif"}
    return [str(file) for file in sorted(folder.iterdir()) if file.suffix in kinds]


def _frame_of(file: Path) -> Image:
    """The tenth frame of a clip, or its last one; the first is often black."""
    with av.open(str(file)) as container:
        shown = None
        for number, frame in enumerate(container.decode(video=0)):
            shown = frame
            if number == 9:
                break
        if shown is None:
            raise ValueError(f"{file} has no picture to stand before")
        return _fitted(Pillow.fromarray(shown.to_ndarray(format="rgb24")))


def _fitted(picture: Pillow.Image) -> Image:
    size = (WIDTH, HEIGHT)
    fitted = ImageOps.fit(picture.convert("RGB"), size, Pillow.Resampling.BILINEAR)
    return np.array(fitted)


def _yard(seed: int) -> Image:
    random = random_of(seed, 21)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ground = int(random.integers(190, 230))
    _bricks(picture, ground, _colour(random, (120, 70, 50), (180, 120, 100)), random)
    fill(picture, 0, ground, WIDTH, HEIGHT, _colour(random, (110, 105, 95), (160, 155, 145)))
    for row in range(ground, HEIGHT, 26):
        fill(picture, 0, row, WIDTH, row + 2, (84, 80, 76))
        for column in range(-(row % 3) * 17, WIDTH, 52):
            fill(picture, column, row, column + 2, row + 26, (84, 80, 76))
    for left in (int(random.integers(20, 90)), int(random.integers(250, 330))):
        _window(picture, left, 40, 96, 86)
    left = int(random.integers(440, 540))
    fill(
        picture, left, ground - 130, left + 72, ground, _colour(random, (40, 50, 40), (110, 90, 90))
    )
    fill(picture, left + 60, ground - 70, left + 65, ground - 60, (210, 190, 110))
    _bush(picture, random, int(random.integers(150, 400)), ground + 6, 74)
    roughen(picture, texture(random, HEIGHT, WIDTH, 24), 22)
    return picture


def _street(seed: int) -> Image:
    random = random_of(seed, 22)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for row in range(HEIGHT):
        picture[row] = (120 + row // 3, 160 + row // 4, 205 + row // 9)
    left = -20
    while left < WIDTH:
        width, top = int(random.integers(90, 170)), int(random.integers(20, 100))
        fill(
            picture, left, top, left + width, 250, _colour(random, (110, 100, 90), (215, 205, 190))
        )
        for x in range(left + 14, left + width - 22, 38):
            for y in range(top + 16, 220, 44):
                _window(picture, x, y, 20, 28)
        left += width
    fill(picture, 0, 246, WIDTH, 276, (158, 154, 148))
    fill(picture, 0, 276, WIDTH, HEIGHT, (76, 78, 82))
    for x in range(int(random.integers(60)), WIDTH, 96):
        fill(picture, x, 318, x + 48, 323, (218, 216, 204))
    x = int(random.integers(60, 420))
    car = _colour(random, (40, 40, 60), (200, 70, 90))
    fill(picture, x, 232, x + 130, 268, car)
    fill(picture, x + 26, 206, x + 104, 234, car)
    fill(picture, x + 34, 212, x + 96, 232, (50, 62, 74))
    for wheel in (x + 16, x + 92):
        fill(picture, wheel, 256, wheel + 24, 278, (22, 22, 24))
    _bush(picture, random, int(random.integers(450, 600)), 246, 60)
    roughen(picture, texture(random, HEIGHT, WIDTH, 20), 18)
    return picture


def _room(seed: int) -> Image:
    random = random_of(seed, 23)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[...] = _colour(random, (150, 150, 140), (220, 214, 200))
    floor = int(random.integers(230, 260))
    fill(picture, 0, floor, WIDTH, HEIGHT, _colour(random, (90, 84, 76), (140, 128, 110)))
    for row in range(floor, HEIGHT, 34):
        for column in range(0, WIDTH, 80):
            if (row // 34 + column // 80) % 2:
                fill(picture, column, row, column + 80, row + 34, (118, 110, 100))
    left = int(random.integers(30, 140))
    for shelf in range(60, floor - 20, 46):
        fill(picture, left, shelf + 36, left + 210, shelf + 41, (96, 72, 48))
        x = left + 4
        while x < left + 196:
            width, height = int(random.integers(8, 26)), int(random.integers(16, 34))
            box = _colour(random, (30, 30, 30), (230, 220, 210))
            fill(picture, x, shelf + 36 - height, x + width, shelf + 36, box)
            x += width + 2
    door = int(random.integers(400, 520))
    fill(picture, door, 70, door + 84, floor, _colour(random, (110, 80, 56), (170, 140, 110)))
    fill(picture, door + 70, 160, door + 76, 172, (220, 200, 120))
    fill(picture, 300, 50, 380, 110, _colour(random, (40, 60, 80), (140, 170, 190)))
    roughen(picture, texture(random, HEIGHT, WIDTH, 40), 10)
    return picture


_DRAWINGS = {"yard": _yard, "street": _street, "room": _room}


def _bricks(picture: Image, bottom: int, colour: Colour, random: np.random.Generator) -> None:
    fill(picture, 0, 0, WIDTH, bottom, (150, 144, 136))
    for number, top in enumerate(range(0, bottom, 12)):
        for left in range(-15 * (number % 2), WIDTH, 30):
            off = int(random.integers(-14, 15))
            red, green, blue = (min(255, max(0, level + off)) for level in colour)
            fill(picture, left, top, left + 28, min(bottom, top + 10), (red, green, blue))


def _window(picture: Image, left: int, top: int, width: int, height: int) -> None:
    fill(picture, left - 2, top - 2, left + width + 2, top + height + 2, (226, 224, 216))
    fill(picture, left, top, left + width, top + height, (58, 72, 88))
    fill(picture, left + width // 2, top, left + width // 2 + 2, top + height, (226, 224, 216))
    fill(picture, left + 2, top + 2, left + width // 3, top + height // 3, (108, 126, 146))


def _bush(picture: Image, random: np.random.Generator, x: int, ground: int, size: int) -> None:
    leaves = texture(random, size, 2 * size, 16)
    down, across = np.mgrid[0:size, 0 : 2 * size]
    inside = (across - size) ** 2 + (2 * (down - size)) ** 2 // 2 < size * size - 30 * leaves
    top, left = ground - size, max(0, min(WIDTH - 2 * size, x))
    under = picture[top:ground, left : left + 2 * size]
    green = np.stack([leaves // 5 + 14, leaves // 3 + 36, leaves // 6 + 10], axis=2)
    under[inside] = green[inside]


def _colour(random: np.random.Generator, low: Colour, high: Colour) -> Colour:
    """A colour between two; its three levels lie about equally far along, as paints do."""
    along = int(random.integers(0, 101))
    parts = [min(100, max(0, along + int(random.integers(-18, 19)))) for _ in range(3)]
    levels = zip(low, high, parts, strict=True)
    red, green, blue = (a + (b - a) * part // 100 for a, b, part in levels)
    return red, green, blue
