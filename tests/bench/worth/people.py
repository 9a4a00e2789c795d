"""Who walks by: figures that are drawn here, or cut-outs from a folder."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from tests.bench.worth.drawing import Colour, Image, random_of, shrunk, texture

CAST = 6
Point: TypeAlias = tuple[float, float]
Numbers: TypeAlias = npt.NDArray[np.float64]

_POSES = 24  # of one cycle of two steps
_CYCLES_PER_SECOND = 0.95
_FINE = 4  # a figure is drawn so many times larger

_SKINS: tuple[Colour, ...] = ((236, 196, 168), (198, 150, 118), (142, 98, 70), (92, 62, 46))
_HAIRS: tuple[Colour, ...] = ((38, 28, 24), (92, 60, 34), (176, 140, 84), (150, 150, 152))
_CLOTHES: tuple[Colour, ...] = (
    (186, 42, 46),
    (36, 84, 156),
    (226, 186, 58),
    (42, 116, 74),
    (232, 230, 224),
    (46, 46, 52),
    (128, 76, 146),
    (214, 118, 52),
)
_TROUSERS: tuple[Colour, ...] = ((44, 52, 84), (70, 66, 60), (150, 136, 108), (28, 28, 32))


class Person(Protocol):
    """Somebody who can be seen walking to the right."""

    def sprite(self, seconds: float, progress: float, height: int) -> Image:
        """How the person looks, (height, W, 4), so long and so far (0 to 1) into a walk."""


def cast_of(folder: Path | None, seed: int) -> Sequence[Person]:
    """Six people: drawn from a seed, or the cut-outs of a folder, ``PERSON-FRAME.webp`` or png.

    Where a folder has fewer than six, the others are mirrored and recoloured. Raises
    :class:`ValueError` for a folder without any.
    """
    if folder is None:
        return [DrawnPerson(seed, number) for number in range(CAST)]
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if match := re.fullmatch(r"(\w+)-\d+\.(webp|png)", file.name):
            found.setdefault(match[1], []).append(file)
    if not found:
        raise ValueError(f"{folder} has no cut-outs; their names are PERSON-FRAME.webp or .png")
    people = [CutOutPerson(tuple(files)) for files in found.values()]
    others = [CutOutPerson(one.files, recoloured=True) for one in people]
    return [*people, *others][: max(CAST, len(people))]


class CutOutPerson:
    """A person cut out of a video, a file for each frame."""

    def __init__(self, files: tuple[Path, ...], *, recoloured: bool = False) -> None:
        self.files = files
        self._recoloured = recoloured

    def sprite(self, seconds: float, progress: float, height: int) -> Image:
        """The cut-out at this point of the walk."""
        place = min(int(progress * len(self.files)), len(self.files) - 1)
        return _cut_out(self.files[place], height, self._recoloured)


@lru_cache(maxsize=512)
def _cut_out(file: Path, height: int, recoloured: bool) -> Image:
    with Pillow.open(file) as opened:
        whole = opened.convert("RGBA")
    width = max(1, whole.width * height // whole.height)
    sprite = np.asarray(whole.resize((width, height), Pillow.Resampling.BILINEAR))
    return sprite[:, ::-1, [2, 0, 1, 3]] if recoloured else sprite


class DrawnPerson:
    """A figure with a gait, clothes with a pattern, and a bag or a hat now and then."""

    def __init__(self, seed: int, number: int) -> None:
        random = random_of(seed, 11, number)
        self._seed, self._number = seed, number
        self._skin = _one_of(random, _SKINS)
        self._hair = _one_of(random, _HAIRS)
        # Clothes differ within a cast, as they do among people who can be told apart.
        self._shirt = _CLOTHES[(int(random_of(seed, 12).integers(8)) + 3 * number) % 8]
        self._accent = _one_of(random, _CLOTHES)
        self._trousers = _one_of(random, _TROUSERS)
        self._pattern = int(random.integers(4))
        self._girth = int(random.integers(85, 125))
        self._stride = int(random.integers(22, 34))
        self._bag = bool(random.integers(2))
        self._hat = int(random.integers(4)) == 0
        self._sprites: dict[tuple[int, int], Image] = {}

    def sprite(self, seconds: float, progress: float, height: int) -> Image:
        """The pose of this moment; the gait goes by time, not by the way."""
        pose = int(seconds * _CYCLES_PER_SECOND * _POSES) % _POSES
        found = self._sprites.get((pose, height))
        if found is None:
            found = self._sprites[pose, height] = self._drawn(pose, height)
        return found

    def _drawn(self, pose: int, height: int) -> Image:
        body = _Body(height * _FINE)
        turn = 2 * math.pi * pose / _POSES
        swing, back = self._stride * math.sin(turn), self._stride * math.sin(turn + math.pi)
        lift = 6 * abs(math.cos(turn))
        hip, shoulder = (0.0, 520 - lift), (12.0, 200 - lift)
        self._leg(body, hip, back, turn + math.pi, shade=70)
        self._arm(body, shoulder, swing, shade=70)
        self._leg(body, hip, swing, turn, shade=100)
        girth = 74 * self._girth / 100
        body.limb(shoulder, hip, girth, self._shirt, 100, self._pattern, self._accent)
        if self._bag:
            body.limb((-60, 300 - lift), (-60, 420 - lift), 56, self._accent, 80)
        self._arm(body, shoulder, back, shade=90)
        head = (24.0, 80 - lift)
        body.limb((14, 150 - lift), head, 30, self._skin, 90)
        body.limb((20, 74 - lift), (24, 70 - lift), 68, self._hair, 100)
        body.limb((38, 92 - lift), (40, 100 - lift), 46, self._skin, 100)
        if self._hat:
            body.limb((-30, 46 - lift), (84, 52 - lift), 22, self._accent, 100)
        sprite = shrunk(body.canvas, _FINE)
        grain = texture(
            random_of(self._seed, 13, self._number), sprite.shape[0], sprite.shape[1], 8
        )
        factor = 100 + (grain[..., None] - 128) // 8
        sprite[..., :3] = np.clip(sprite[..., :3] * factor // 100, 0, 255)
        return sprite

    def _leg(self, body: _Body, hip: Point, angle: float, turn: float, shade: int) -> None:
        bend = 38 * max(0.0, math.cos(turn))  # the knee of the leg that comes forward
        knee = _along(hip, angle, 225)
        ankle = _along(knee, angle - bend, 215)
        body.limb(hip, knee, 50 * self._girth / 100, self._trousers, shade)
        body.limb(knee, ankle, 38 * self._girth / 100, self._trousers, shade)
        body.limb(ankle, (ankle[0] + 52, ankle[1] + 12), 22, (34, 30, 28), shade)

    def _arm(self, body: _Body, shoulder: Point, angle: float, shade: int) -> None:
        elbow = _along(shoulder, 0.9 * angle, 165)
        hand = _along(elbow, 0.9 * angle + 18, 145)
        body.limb(shoulder, elbow, 34, self._shirt, shade, self._pattern, self._accent)
        body.limb(elbow, hand, 26, self._shirt, shade)
        body.limb(hand, _along(hand, 0.9 * angle, 18), 26, self._skin, shade)


class _Body:
    """A canvas for limbs; lengths are thousandths of the height, x from the middle."""

    def __init__(self, height: int) -> None:
        self._height, self._width = height, height * 7 // 10
        self.canvas: Image = np.zeros((height, self._width, 4), np.uint8)

    def limb(
        self,
        start: Point,
        end: Point,
        radius: float,
        colour: Colour,
        shade: int,
        pattern: int = 0,
        accent: Colour = (0, 0, 0),
    ) -> None:
        """A rounded stroke, lit from the left; ``shade`` is its brightness in percent."""
        across = self._reach(start[0], end[0], radius, self._width, self._width / 2)
        down = self._reach(start[1], end[1], radius, self._height, 0)
        x = (np.arange(across.start, across.stop) - self._width / 2)[None, :]
        x = x * 1000 / self._height - start[0]
        y = np.arange(down.start, down.stop)[:, None] * 1000 / self._height - start[1]
        along_x, along_y = end[0] - start[0], end[1] - start[1]
        length = max(1e-6, along_x * along_x + along_y * along_y)
        place = np.clip((x * along_x + y * along_y) / length, 0, 1)
        aside_x, aside_y = x - place * along_x, y - place * along_y
        inside = aside_x * aside_x + aside_y * aside_y <= radius * radius
        light = np.clip(100 - aside_x * 28 / radius, 60, 130) * shade / 100
        base = np.where(_pattern(pattern, x, y)[..., None], accent, colour)
        lit = np.clip(base * light[..., None] / 100, 0, 255)
        under = self.canvas[down, across]
        under[inside, :3] = lit[inside].astype(np.uint8)
        under[inside, 3] = 255

    def _reach(self, a: float, b: float, radius: float, size: int, middle: float) -> slice:
        """The pixels of one axis that a stroke may touch."""
        low, high = min(a, b) - radius, max(a, b) + radius
        first = int(low * self._height / 1000 + middle) - 1
        last = int(high * self._height / 1000 + middle) + 2
        return slice(min(size, max(0, first)), min(size, max(0, last)))


def _pattern(kind: int, x: Numbers, y: Numbers) -> npt.NDArray[np.bool_]:
    """Where clothes show their second colour: nowhere, in bars, in stripes, in checks."""
    bars, stripes = (y // 36) % 2 == 1, (x // 28) % 2 == 1
    shape = np.broadcast(x, y).shape
    if kind == 1:
        return np.broadcast_to(bars, shape)
    if kind == 2:
        return np.broadcast_to(stripes, shape)
    return bars & stripes if kind == 3 else np.zeros(shape, bool)


def _along(start: Point, degrees: float, length: float) -> Point:
    """The end of a bone that hangs from ``start``; it swings to the right. Whole thousandths."""
    turn = math.radians(degrees)
    return (
        float(round(start[0] + length * math.sin(turn))),
        float(round(start[1] + length * math.cos(turn))),
    )


def _one_of(random: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    return colours[int(random.integers(len(colours)))]
