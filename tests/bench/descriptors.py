"""The best descriptor made by hand that we know of, to set beside what was learned.

A scattering transform of the luma (Bruna and Mallat 2013, "Invariant Scattering Convolution
Networks"): wavelets, modulus, wavelets, modulus, averaged over a grid; beside it the colours of a
4 x 4 layout. Of hashes, histograms, gradients, gists and scattering it did best on our clips, and
whitening it did not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.frame import Thumbnail, Vectors

SCALES, DIRECTIONS = 3, 6
LAYOUT_WEIGHT = 0.6


def wavelets() -> Tensor:
    """Morlet wavelets in the frequency domain: (scales, directions, 64, 64)."""
    down, across = np.meshgrid(*2 * [np.fft.fftfreq(INPUT_SIZE)], indexing="ij")
    bank = np.empty((SCALES, DIRECTIONS, INPUT_SIZE, INPUT_SIZE), np.float32)
    for scale, direction in product(range(SCALES), range(DIRECTIONS)):
        angle = np.pi * direction / DIRECTIONS
        along = across * np.cos(angle) + down * np.sin(angle)
        beside = down * np.cos(angle) - across * np.sin(angle)
        center = 0.3 / 2**scale
        envelope = np.exp(-(((along - center) / (0.45 * center)) ** 2))
        bank[scale, direction] = envelope * np.exp(-((beside / (0.6 * center)) ** 2))
    return torch.from_numpy(bank)


def hand_made(thumbnails: Sequence[Thumbnail]) -> Vectors:
    """(64, 64, 3) RGB thumbnails to (N, D) unit vectors."""
    bank, found = wavelets(), []
    for begin in range(0, len(thumbnails), 64):
        pixels = torch.from_numpy(np.stack(thumbnails[begin : begin + 64]))
        found.append(_described(pixels.permute(0, 3, 1, 2).float(), bank).numpy())
    return np.concatenate(found)


def _described(pixels: Tensor, bank: Tensor) -> Tensor:
    """(N, 3, 64, 64) RGB in 0..255 to (N, D)."""
    luma = (pixels * pixels.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1) / 255 - 0.5
    spectrum, parts = torch.fft.fft2(luma), []
    for scale, direction in product(range(SCALES), range(DIRECTIONS)):
        first = torch.fft.ifft2(spectrum * bank[scale, direction]).abs()  # (N, 64, 64)
        parts.append(adaptive_avg_pool2d(first[:, None], 4).flatten(1))
        again = torch.fft.fft2(first)
        for coarser, turn in product(range(scale + 1, SCALES), range(0, DIRECTIONS, 2)):
            second = torch.fft.ifft2(again * bank[coarser, turn]).abs()
            parts.append(adaptive_avg_pool2d(second[:, None], 2).flatten(1))
    texture = normalize((torch.cat(parts, 1) + 1e-6).sqrt(), dim=1)
    colours = normalize(Network().layout(pixels), dim=1)
    return normalize(torch.cat([texture, LAYOUT_WEIGHT * colours], 1), dim=1)
