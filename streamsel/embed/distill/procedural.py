"""Procedural training pictures: noise fields, marble, dead leaves, gratings.

They fill the gaps between the natural pictures: flat, saturated, periodic and abstract scenes.
Dead leaves are random opaque shapes with radii of a power law; they have the statistics of natural
images (Lee, Mumford, Huang 2001), and networks learn from them (Baradad et al. 2021, "Learning to
See by Looking at Noise").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from streamsel.embed.distill.material import Picture

SIDE = 320

Floats = npt.NDArray[np.floating]


def procedural_picture(rng: np.random.Generator) -> Picture:
    """Draw one picture of a random kind, (320, 320, 3) RGB."""
    palette = rng.uniform(0, 255, (int(rng.integers(2, 7)), 3))
    kind = rng.integers(4)
    if kind == 0:
        picture = _noise(rng)
    elif kind == 1:
        picture = _marble(rng, palette)
    elif kind == 2:
        picture = _dead_leaves(rng, palette)
    else:
        picture = _grating(rng, palette)
    return np.clip(picture, 0, 255).astype(np.uint8)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from a log-uniform distribution between ``low`` and ``high``."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _field(rng: np.random.Generator, steepness: float) -> Floats:
    """Gaussian field with a power spectrum ~ frequency^(-2 steepness), mean 0, deviation 1."""
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE)))
    stretch = log_uniform(rng, 0.4, 2.5)
    frequency = np.hypot(np.fft.rfftfreq(SIDE)[None] * stretch, np.fft.fftfreq(SIDE)[:, None])
    frequency[0, 0] = 1.0
    spectrum /= frequency**steepness
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    return np.asarray(field / field.std())


def _noise(rng: np.random.Generator) -> Floats:
    fields = np.stack([_field(rng, log_uniform(rng, 0.5, 2.5)) for _ in range(3)], axis=-1)
    return np.asarray(fields * rng.uniform(10, 70) + rng.uniform(40, 215, 3))


def _marble(rng: np.random.Generator, palette: Floats) -> Floats:
    field = _field(rng, rng.uniform(1.0, 2.2))
    if rng.random() < 0.5:
        field = np.sin(field * rng.uniform(2, 12))
    stops = np.linspace(field.min(), field.max(), len(palette))
    return np.stack([np.interp(field, stops, channel) for channel in palette.T], axis=-1)


def _dead_leaves(rng: np.random.Generator, palette: Floats) -> Floats:
    image = Image.new("RGB", (SIDE, SIDE), _colour(palette[0]))
    draw = ImageDraw.Draw(image)
    for _ in range(int(log_uniform(rng, 20, 400))):
        radius = min(6 / (1 - rng.random()) ** 0.6, 140.0)
        centre = rng.uniform(0, SIDE, 2)
        colour = _colour(palette[rng.integers(len(palette))] + rng.normal(0, 25, 3))
        outline = leaf(rng, int(rng.integers(3, 9)), smooth=rng.random() < 0.4)
        draw.polygon([(float(x), float(y)) for x, y in centre + radius * outline], fill=colour)
    picture = np.asarray(image, np.float64)
    if rng.random() < 0.6:
        picture = picture + _field(rng, rng.uniform(0.5, 1.8))[..., None] * rng.uniform(3, 30)
    if rng.random() < 0.5:
        shade = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.4, 1), SIDE)
        picture = picture * shade[:, None, None]
    return picture


def leaf(rng: np.random.Generator, corners: int, smooth: bool) -> Floats:
    """Outline of a random shape inside the unit circle: a polygon, or an ellipse if ``smooth``."""
    if smooth:
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        radii = np.ones_like(angles)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.5, 1.0, corners)
    squeeze = rng.uniform(0.4, 1.0)
    return np.stack([radii * np.cos(angles), squeeze * radii * np.sin(angles)], axis=1)


def _grating(rng: np.random.Generator, palette: Floats) -> Floats:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    angle, frequency = rng.uniform(0, np.pi), log_uniform(rng, 0.01, 0.25)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    wave = np.sin(2 * np.pi * frequency * along + _field(rng, 2.0) * rng.uniform(0, 3))
    if rng.random() < 0.5:
        wave = wave * np.sin(2 * np.pi * frequency * log_uniform(rng, 0.3, 3) * across)
    if rng.random() < 0.5:
        wave = np.sign(wave)
    share = (wave[..., None] + 1) / 2
    mixed = palette[0] * (1 - share) + palette[1] * share
    return np.asarray(mixed + _field(rng, 1.0)[..., None] * rng.uniform(0, 15))


def _colour(values: Floats) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in np.clip(values, 0, 255))
    return red, green, blue
