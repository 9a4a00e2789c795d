"""Groups of four related views of a picture, similar to frames of a camera over time.

A selector mostly compares frames of one clip, so training needs small differences. The views of a
group are frames of a clip near and far in time, shifted crops of one photograph or one procedural
picture, or an object that moves over a background. Crops of even a single large picture are
effective training data (Asano and Saeed 2021, "Extrapolating from a Single Image to a Thousand
Classes using Distillation").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from streamsel.embed.distill.material import Clip, Picture, load_photograph
from streamsel.embed.distill.procedural import leaf, log_uniform, procedural_picture

GROUP = 4
VIEW_SIDE = 224

Views: TypeAlias = npt.NDArray[np.uint8]
"""(4, 224, 224, 3) RGB."""
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewMaker:
    """Draws groups of views from clips, photographs and procedural pictures.

    The same generator state gives the same group.
    """

    clips: tuple[Clip, ...]
    photographs: tuple[Path, ...]

    def group(self, rng: np.random.Generator) -> Views:
        """Draw the next group. Cost: tens of milliseconds."""
        kinds: tuple[Callable[[np.random.Generator], Views], ...] = (
            self._from_clip,
            self._from_photograph,
            self._from_nothing,
            self._mixed,
        )
        views = kinds[rng.choice(4, p=(0.24, 0.46, 0.06, 0.24))](rng)
        return _graded(rng, views)

    def _from_clip(self, rng: np.random.Generator) -> Views:
        weights = np.array([clip.weight for clip in self.clips])
        frames = self.clips[rng.choice(len(self.clips), p=weights / weights.sum())].frames
        first, reach = int(rng.integers(len(frames))), log_uniform(rng, 1, len(frames))
        moments = np.append(first, first + rng.uniform(-reach, reach, GROUP - 1).round())
        chosen = frames[np.clip(moments, 0, len(frames) - 1).astype(int)]
        width, height = chosen.shape[2], chosen.shape[1]
        whole = rng.random() < 0.45
        box: Box = (0.0, 0.0, width, height)
        if not whole:
            box = random_box(rng, (width, height), 0.12, 1.0)
        steady = whole or rng.random() < 0.5
        boxes = wandering(rng, box, 0.0 if steady else log_uniform(rng, 0.005, 0.15), 0.0)
        return _flipped(rng, [cut(f, b) for f, b in zip(chosen, boxes, strict=True)])

    def _from_photograph(self, rng: np.random.Generator) -> Views:
        path = self.photographs[rng.integers(len(self.photographs))]
        return _crops(rng, load_photograph(path), smallest=0.06)

    def _from_nothing(self, rng: np.random.Generator) -> Views:
        return _crops(rng, procedural_picture(rng), smallest=0.2)

    def _mixed(self, rng: np.random.Generator) -> Views:
        kinds = (self._from_clip, self._from_photograph, self._from_nothing)
        back, front = (kinds[rng.choice(3, p=(0.35, 0.5, 0.15))](rng) for _ in range(2))
        way = rng.random()
        if way < 0.15:
            share = rng.uniform(0.2, 0.8)
            return np.asarray(share * back + (1 - share) * front).astype(np.uint8)
        if way < 0.25:
            edge = int(rng.uniform(0.2, 0.8) * VIEW_SIDE)
            joined = back.copy()
            joined[:, :, :edge] = front[:, :, :edge]
            return joined
        return _passing_object(rng, back, front)


def random_box(
    rng: np.random.Generator, size: tuple[int, int], smallest: float, largest: float
) -> Box:
    """Draw a box inside ``size`` (width, height) with ``smallest`` to ``largest`` of its area."""
    width, height = size
    side = np.sqrt(log_uniform(rng, smallest, largest))
    stretch = np.sqrt(log_uniform(rng, 0.7, 1.43))
    across, down = min(1.0, side * stretch) * width, min(1.0, side / stretch) * height
    return rng.uniform(0, width - across), rng.uniform(0, height - down), across, down


def wandering(rng: np.random.Generator, box: Box, drift: float, zoom: float) -> list[Box]:
    """Return ``box`` and three variants of it, shifted and scaled at random.

    ``drift`` is the standard deviation of the shift in sizes of the box, ``zoom`` that of the
    logarithm of the scale.
    """
    left, top, width, height = box
    boxes = [box]
    for _ in range(GROUP - 1):
        scale = float(np.exp(rng.normal(0, zoom)))
        dx, dy = rng.normal(0, drift, 2)
        boxes.append((left + dx * width, top + dy * height, width * scale, height * scale))
    return boxes


def cut(picture: Picture, box: Box) -> Picture:
    """Scale a box of the picture to (224, 224, 3); a box beyond the edge is moved inside."""
    height, width = picture.shape[:2]
    across, down = min(box[2], width), min(box[3], height)
    left, top = min(max(box[0], 0.0), width - across), min(max(box[1], 0.0), height - down)
    scaled = Image.fromarray(picture).resize(
        (VIEW_SIDE, VIEW_SIDE),
        Image.Resampling.BICUBIC,
        box=(left, top, left + across, top + down),
    )
    return np.asarray(scaled)


def _crops(rng: np.random.Generator, picture: Picture, smallest: float) -> Views:
    height, width = picture.shape[:2]
    box = random_box(rng, (width, height), smallest, 1.0)
    drift = log_uniform(rng, 0.01, 0.6)
    return _flipped(rng, [cut(picture, b) for b in wandering(rng, box, drift, 0.4 * drift)])


def _flipped(rng: np.random.Generator, views: list[Picture]) -> Views:
    stacked = np.stack(views)  # (4, 224, 224, 3)
    return stacked[:, :, ::-1] if rng.random() < 0.5 else stacked


def _passing_object(rng: np.random.Generator, back: Views, front: Views) -> Views:
    """Move a cut-out of ``front`` over ``back``; some views show the background alone."""
    still_scene, rigid_object = rng.random() < 0.5, rng.random() < 0.6
    size = np.array([log_uniform(rng, 20, 170), log_uniform(rng, 20, 170)]) / 2
    outline = leaf(rng, int(rng.integers(4, 10)), smooth=rng.random() < 0.5) * size
    start = rng.uniform(0.05, 0.95, 2) * VIEW_SIDE
    speed = log_uniform(rng, 2, 160)
    softness = float(rng.uniform(0, 3))
    views = []
    for i in range(GROUP):
        scene = back[0 if still_scene else i]
        place = start + (rng.normal(0, speed, 2) if i else 0.0)
        if rng.random() < 0.12:
            views.append(scene)
            continue
        mask = Image.new("L", (VIEW_SIDE, VIEW_SIDE))
        corners = [(float(x), float(y)) for x, y in place + outline]
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(softness))
        surface = Image.fromarray(front[0 if rigid_object else i])
        views.append(np.asarray(Image.composite(surface, Image.fromarray(scene), mask)))
    return np.stack(views)


def _graded(rng: np.random.Generator, views: Views) -> Views:
    """Grade a whole group alike: exposure, contrast, saturation, colour cast, night, grey."""
    look: npt.NDArray[np.float32] = views.astype(np.float32)
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    if rng.random() < 0.5:
        grey = (look @ luma)[..., None]
        saturation = rng.uniform(0, 1.8) if rng.random() < 0.7 else 0.0
        look = np.asarray(grey + np.float32(saturation) * (look - grey), np.float32)
        mean = np.float32(look.mean())
        contrast, light = log_uniform(rng, 0.6, 1.5), log_uniform(rng, 0.6, 1.6)
        look = ((look - mean) * np.float32(contrast) + mean * np.float32(light)).astype(np.float32)
        if rng.random() < 0.5:
            look = look + rng.normal(0, 10, 3).astype(np.float32)
    if rng.random() < 0.08:
        look = look * np.float32(rng.uniform(0.1, 0.4))
    return np.ascontiguousarray(np.clip(look, 0, 255).astype(np.uint8))
