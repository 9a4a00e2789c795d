"""Augmentations: views of a picture that should embed alike, and test pairs.

Crop, downscaling, blur and mirroring are combined into one averaging over rows and one over
columns. A batch of views is thus two matrix products, without aliasing.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from streamsel.embed.network import INPUT_SIZE

_SMALLEST_CROP = 0.55
_SLIMMEST = 0.8
_WIDEST_BLUR = 3.0
_JPEG_QUALITY = 40
_TWIN_NOISE = 4.0


def plain(pictures: Tensor) -> Tensor:
    """Scale whole pictures to network input: (B, S, S, 3) uint8 to (B, 3, 64, 64) float.

    Area averaging, rounded to whole grey levels of 0..255, as in selection.
    """
    count, side = len(pictures), pictures.shape[1]
    kernel = averaging(torch.zeros(count), torch.full((count,), float(side)), side)
    return _shrink(pictures, kernel, kernel).round()


def views(pictures: Tensor, rng: torch.Generator, mirrored: Tensor) -> Tensor:
    """Crop, light, blur and noise at random: (B, S, S, 3) uint8 to (B, 3, 64, 64) float.

    ``mirrored`` is (B,) bool. Mirror both views of a pair or neither, because left and right must
    stay distinguishable.
    """
    count, side = len(pictures), pictures.shape[1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=rng)

    def some(share: float) -> Tensor:
        return torch.rand(count, generator=rng) < share

    area, slim = draw(_SMALLEST_CROP, 1.0), draw(_SLIMMEST, 1 / _SLIMMEST)
    width = (side * (area * slim).sqrt()).clamp(max=side)
    height = (side * (area / slim).sqrt()).clamp(max=side)
    blur = torch.where(some(0.3), draw(1.0, _WIDEST_BLUR), 1.0)
    across = averaging(draw(0, 1) * (side - width), width, side, blur)  # (B, 64, S)
    down = averaging(draw(0, 1) * (side - height), height, side, blur)
    across = torch.where(mirrored[:, None, None], across.flip(1), across)
    shown = _shrink(pictures, across, down)
    lit = some(0.6).float()[:, None, None, None]
    gain = draw(-0.25, 0.25, 1, 1, 1) + draw(-0.05, 0.05, 3, 1, 1)
    shown = shown * (1 + lit * gain) + lit * draw(-15, 15, 1, 1, 1)
    noise = torch.where(some(0.5), draw(0, 10), 0.0)[:, None, None, None]
    shown = shown + noise * torch.randn(shown.shape, generator=rng)
    return shown.round().clamp(0, 255)


def averaging(begin: Tensor, length: Tensor, side: int, widening: Tensor | float = 1.0) -> Tensor:
    """Return (B, 64, S) weights that average ``length`` pixels from ``begin`` on down to 64.

    ``begin`` and ``length`` are (B,). Each of the 64 outputs averages over its own span; for blur
    the span is ``widening`` times as wide.
    """
    cell = (length / INPUT_SIZE)[:, None, None]
    wide = torch.as_tensor(widening).reshape(-1, 1, 1) * cell
    middle = begin[:, None, None] + cell * (torch.arange(INPUT_SIZE)[:, None] + 0.5)
    pixel = torch.arange(side)  # (S,)
    overlap = torch.minimum(middle + wide / 2, pixel + 1.0) - torch.maximum(
        middle - wide / 2, pixel.float()
    )
    overlap = overlap.clamp(min=0)  # (B, 64, S)
    return overlap / overlap.sum(2, keepdim=True)


def noisy_twins(pictures: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    """Return the pictures, (N, S, S, 3), with noise and JPEG artefacts, as from a bad camera."""
    rng = np.random.default_rng(seed)
    twins = np.empty_like(pictures)
    for row, picture in enumerate(pictures):
        noisy = picture + rng.normal(0, _TWIN_NOISE, picture.shape)
        file = io.BytesIO()
        image = Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8))
        image.save(file, "JPEG", quality=_JPEG_QUALITY)
        twins[row] = np.asarray(Image.open(file))
    return twins


def _shrink(pictures: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Average (B, S, S, 3) by (B, 64, S) weights for columns and for rows: (B, 3, 64, 64)."""
    planes = pictures.permute(0, 3, 1, 2).float()  # (B, 3, S, S)
    shown: Tensor = down[:, None] @ planes @ across.mT[:, None]
    return shown
