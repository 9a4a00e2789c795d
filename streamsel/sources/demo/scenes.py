"""The scenes of the demo clip, drawn with numpy and libavfilter's generators.

Each scene is a function from progress (0 at its first frame, 1 at its last) to an (H, W, 3) uint8
RGB picture. Lengths are in units of the picture's height, so a scene looks the same at any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from av.filter import Graph

Image: TypeAlias = npt.NDArray[np.uint8]
Field: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = tuple[float, float, float]
Scene: TypeAlias = Callable[[float], Image]

_CAR_COLOURS: tuple[Colour, ...] = (
    (196, 48, 43),
    (38, 92, 168),
    (232, 186, 56),
    (236, 236, 232),
    (54, 128, 92),
)


def sky(size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Return a bright day over hills, with a moving sun and clouds."""
    width, height = size
    clouds = _fractal_noise(height, width * 2, 1.7, rng)
    ridges = [_ridge(width, level, rng) for level in (0.62, 0.74, 0.86)]
    rows = _rows(height)
    aspect = width / height
    across = np.linspace(0, aspect, width, dtype=np.float32)[None, :]
    ground = height * 2 // 5  # hills stay below this row
    hues: tuple[Colour, ...] = ((108, 142, 158), (84, 128, 96), (46, 92, 58))
    air = _blend((58, 124, 206), (198, 224, 244), rows, width).transpose(2, 0, 1).copy()
    thinning = np.clip(1.35 - 1.7 * rows, 0, 1)

    def draw(progress: float) -> Image:
        x, y = (0.12 + 0.76 * progress) * aspect, 0.42 - 0.28 * float(np.sin(np.pi * progress))
        glow = 1 / (1 + 9 * (across - x) ** 2 + 9 * (rows - y) ** 2) ** 2
        # (3, H, W): numpy is slow with a last axis of 3.
        planes: Field = (air + glow * _shade((130, 105, 40))[:, None, None]).astype(np.float32)
        canvas = planes.transpose(1, 2, 0)  # (H, W, 3), the same memory
        _draw_disc(canvas, x, y, 0.075, (255, 240, 176))
        drift = np.roll(clouds, -int(progress * width), axis=1)[:, :width]
        cover = ((drift - 0.52) * 4.2).clip(0, 0.92) * thinning
        planes += cover * (_shade((250, 250, 252))[:, None, None] - planes)
        for ridge, hue in zip(ridges, hues, strict=True):
            hills = rows[ground:] > np.roll(ridge, -int(progress * width * 0.15))
            for plane, level in zip(planes, hue, strict=True):
                plane[ground:][hills] = level
        return _to_image(canvas)

    return draw


def street(size: tuple[int, int], rng: np.random.Generator, *, night: bool = False) -> Scene:
    """Return a street of houses with cars in both directions; at night with lamps and windows."""
    width, height = size
    still = np.empty((height, width, 3), np.float32)
    still[:] = _blend((150, 190, 226), (222, 232, 238), _rows(height), width)
    lights = np.zeros_like(still)
    aspect = width / height
    _draw_houses(still, lights, aspect, rng)
    _draw_box(still, 0, 0.66, aspect, 0.70, (168, 164, 156))
    _draw_box(still, 0, 0.70, aspect, 1.0, (72, 74, 80))
    for start in np.arange(0.05, aspect, 0.24):
        _draw_box(still, start, 0.845, start + 0.11, 0.857, (226, 222, 200))
    # Cars in one lane keep their distance and never overlap.
    speeds, colours = rng.uniform(0.8, 1.5, 2), rng.permutation(len(_CAR_COLOURS))
    cars = [
        (0.4 * i + rng.uniform(0, 0.12), speeds[lane], lane, _CAR_COLOURS[colours[i + 2 * lane]])
        for lane, i in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))
    ]
    if night:
        still = still * _shade((0.13, 0.16, 0.27)) + lights

    def draw(progress: float) -> Image:
        canvas = still.copy()
        for offset, speed, lane, colour in cars:
            travelled = (progress * speed + offset) % 1.2 * (aspect + 0.8) / 1.2 - 0.5
            x = travelled if lane else aspect - travelled - 0.3
            _draw_car(canvas, x, 0.90 if lane else 0.775, bool(lane), colour, night)
        return _to_image(canvas)

    return draw


def parking(size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Return a car park seen by a noisy fixed camera, and for a while a person walking."""
    width, height = size
    aspect = width / height
    still = np.empty((height, width, 3), np.float32)
    still[:] = 104
    still += 26 * (_fractal_noise(height, width, 1.2, rng)[:, :, None] - 0.5)
    for bay in np.arange(0.1, aspect - 0.2, 0.26):
        _draw_box(still, bay, 0.10, bay + 0.012, 0.42, (206, 206, 198))
        _draw_box(still, bay, 0.64, bay + 0.012, 0.94, (206, 206, 198))
        for top in (0.13, 0.66):
            if rng.random() < 0.55:
                colour = _CAR_COLOURS[int(rng.integers(5))]
                _draw_car_from_above(still, bay + 0.055, top, colour)
    noise = [rng.normal(0, 7, (height, width, 1)).astype(np.float32) for _ in range(12)]
    order = rng.permutation(len(noise) * 400) % len(noise)

    def draw(progress: float) -> Image:
        canvas = still.copy()
        step = round(progress * 2000)
        if 0.35 < progress < 0.8:
            along = (progress - 0.35) / 0.45
            _draw_disc(canvas, along * aspect, 0.56 - 0.06 * along, 0.034, (52, 44, 60))
            _draw_disc(canvas, along * aspect, 0.53 - 0.06 * along, 0.018, (216, 170, 140))
        grain = np.roll(noise[order[step]], (step * 37) % height, axis=0)
        return _to_image(canvas + grain)

    return draw


def plasma(size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Return flowing bands of colour."""
    width, height = size
    rows = _rows(height)
    across = np.linspace(0, width / height, width, dtype=np.float32)[None, :]
    phases = rng.uniform(0, 2 * np.pi, 6).astype(np.float32)

    def draw(progress: float) -> Image:
        turn = np.float32(2.5 * np.pi * progress)
        bend = np.sin(4 * across + phases[0] + turn) + np.sin(5 * rows + phases[1] - turn)
        swirl = np.sin(3 * (across + rows) + phases[2] + bend)
        planes = [110 + 105 * np.sin(2 * swirl + bend + phase + turn) for phase in phases[3:]]
        return _to_image(np.stack(planes, axis=-1).astype(np.float32))  # (H, W, 3)

    return draw


def generated(text: str, size: tuple[int, int]) -> Iterator[Image]:
    """Yield endless pictures of a source filter of libavfilter, given as ``name=options``."""
    name, _, options = text.partition("=")
    graph = Graph()
    graph.threads = 1
    source = graph.add(name, f"size={size[0]}x{size[1]}:{options}")
    as_rgb, sink = graph.add("format", "rgb24"), graph.add("buffersink")
    graph.link_nodes(source, as_rgb, sink).configure()
    while True:
        yield np.asarray(graph.vpull().to_ndarray(), np.uint8)


def _draw_houses(still: Field, lights: Field, aspect: float, rng: np.random.Generator) -> None:
    x = -0.05
    while x < aspect:
        wide, top = rng.uniform(0.26, 0.46), rng.uniform(0.12, 0.4)
        wall = np.array([206, 186, 158]) * rng.uniform(0.62, 1.1, 3)
        _draw_box(still, x, top, x + wide, 0.66, (wall[0], wall[1], wall[2]))
        _draw_box(still, x, top - 0.03, x + wide, top, (116, 66, 54))
        for column in np.arange(x + 0.04, x + wide - 0.05, 0.085):
            for row in np.arange(top + 0.05, 0.58, 0.11):
                _draw_box(still, column, row, column + 0.045, row + 0.065, (92, 116, 136))
                if rng.random() < 0.45:
                    _draw_box(lights, column, row, column + 0.045, row + 0.065, (222, 170, 84))
        x += wide + rng.uniform(0.0, 0.06)


def _draw_car(
    canvas: Field, x: float, bottom: float, to_right: bool, colour: Colour, night: bool
) -> None:
    shade = 0.3 if night else 1.0
    body = (colour[0] * shade, colour[1] * shade, colour[2] * shade)
    glass = (40.0, 52.0, 66.0) if night else (150.0, 186.0, 208.0)
    _draw_box(canvas, x + 0.07, bottom - 0.135, x + 0.23, bottom - 0.07, body)
    _draw_box(canvas, x + 0.085, bottom - 0.122, x + 0.145, bottom - 0.075, glass)
    _draw_box(canvas, x + 0.155, bottom - 0.122, x + 0.215, bottom - 0.075, glass)
    _draw_box(canvas, x, bottom - 0.078, x + 0.3, bottom - 0.018, body)
    for wheel in (0.065, 0.235):
        _draw_disc(canvas, x + wheel, bottom - 0.018, 0.03, (22, 22, 24))
        _draw_disc(canvas, x + wheel, bottom - 0.018, 0.013, (120, 120, 122))
    if night:
        front, back = (x + 0.3, x) if to_right else (x, x + 0.3)
        _draw_glow(canvas, front, bottom - 0.05, 0.16, (255, 236, 180))
        _draw_glow(canvas, back, bottom - 0.05, 0.05, (220, 30, 24))


def _draw_car_from_above(canvas: Field, x: float, top: float, colour: Colour) -> None:
    _draw_box(canvas, x + 0.008, top + 0.012, x + 0.158, top + 0.262, (66, 66, 68))
    _draw_box(canvas, x, top, x + 0.15, top + 0.25, colour)
    _draw_box(canvas, x + 0.014, top + 0.055, x + 0.136, top + 0.095, (44, 56, 66))
    _draw_box(canvas, x + 0.014, top + 0.185, x + 0.136, top + 0.215, (44, 56, 66))


def _draw_box(
    canvas: Field, left: float, top: float, right: float, bottom: float, colour: Colour
) -> None:
    height, width = canvas.shape[:2]
    x0, x1 = (min(max(round(x * height), 0), width) for x in (left, right))
    y0, y1 = (min(max(round(y * height), 0), height) for y in (top, bottom))
    canvas[y0:y1, x0:x1] = colour


def _draw_disc(canvas: Field, x: float, y: float, radius: float, colour: Colour) -> None:
    height = canvas.shape[0]
    near = _near(canvas, x, y, radius + 1 / height)
    cover = np.clip((radius - _distance_in(canvas, near, x, y)) * height + 0.5, 0, 1)
    part = canvas[near]
    part += cover[:, :, None] * (_shade(colour) - part)


def _draw_glow(canvas: Field, x: float, y: float, radius: float, colour: Colour) -> None:
    near = _near(canvas, x, y, radius)
    fall = np.clip(1 - _distance_in(canvas, near, x, y) / radius, 0, 1) ** 2
    canvas[near] += fall[:, :, None] * _shade(colour)


def _near(canvas: Field, x: float, y: float, radius: float) -> tuple[slice, slice]:
    height, width = canvas.shape[:2]
    top, bottom = int((y - radius) * height), int((y + radius) * height) + 2
    left, right = int((x - radius) * height), int((x + radius) * height) + 2
    return (
        slice(min(max(top, 0), height), min(max(bottom, 0), height)),
        slice(min(max(left, 0), width), min(max(right, 0), width)),
    )


def _distance_in(canvas: Field, near: tuple[slice, slice], x: float, y: float) -> Field:
    height = canvas.shape[0]
    rows = np.arange(near[0].start, near[0].stop, dtype=np.float32)[:, None] / height - y
    columns = np.arange(near[1].start, near[1].stop, dtype=np.float32)[None, :] / height - x
    distance: Field = np.hypot(rows, columns)
    return distance


def _shade(colour: Colour) -> Field:
    return np.array(colour, np.float32)


def _rows(height: int) -> Field:
    return np.linspace(0, 1, height, dtype=np.float32)[:, None]


def _blend(top: Colour, bottom: Colour, rows: Field, width: int) -> Field:
    column = _shade(top) + rows * (_shade(bottom) - _shade(top))  # (H, 3)
    return np.repeat(column[:, None, :], width, axis=1)  # (H, W, 3)


def _ridge(width: int, level: float, rng: np.random.Generator) -> Field:
    """Return a periodic line of hills: the height of the ground at each column."""
    angles = np.linspace(0, 2 * np.pi, width, endpoint=False, dtype=np.float32)
    line = np.full(width, level, np.float32)
    for waves in (1, 2, 3, 5, 8, 13):
        line += 0.05 / waves * np.sin(waves * angles + np.float32(rng.uniform(0, 6.28)))
    return line


def _fractal_noise(height: int, width: int, slope: float, rng: np.random.Generator) -> Field:
    """Return periodic noise in 0..1 with a spectrum that falls as frequency to ``slope``."""
    spectrum = np.fft.rfft2(rng.normal(size=(height, width)))
    down = np.fft.fftfreq(height)[:, None] * height
    across = np.fft.rfftfreq(width)[None, :] * width
    radius = np.hypot(down, across)
    radius[0, 0] = 1
    noise: npt.NDArray[np.float64] = np.fft.irfft2(spectrum / radius**slope, s=(height, width))
    low, high = np.percentile(noise, (1, 99))
    scaled: npt.NDArray[np.float64] = (noise - low) / (high - low)
    return scaled.clip(0, 1).astype(np.float32)


def _to_image(canvas: Field) -> Image:
    return np.ascontiguousarray(canvas.clip(0, 255).astype(np.uint8))
