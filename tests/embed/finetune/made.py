"""Footage made from nothing: scenes that drift a little from frame to frame."""

from __future__ import annotations

import numpy as np
import torch

from streamsel.embed.finetune.training_footage import PICTURE_SIDE_PX, TrainingFootage
from streamsel.embed.network import Network


def footage(
    feeds: int = 3, frames: int = 40, *, step: float = 0.25, seed: int = 0
) -> TrainingFootage:
    """Coarse patches that change entirely every ten frames, with noise."""
    rng = np.random.default_rng(seed)
    side = PICTURE_SIDE_PX
    pictures = np.empty((feeds * frames, side, side, 3), np.uint8)
    for row in range(len(pictures)):
        if row % 10 == 0:
            scene = rng.uniform(0, 255, (6, 6, 3)).repeat(16, 0).repeat(16, 1)
        shown = np.roll(scene, row % 10, axis=1) + rng.normal(0, 4, scene.shape)
        pictures[row] = shown.clip(0, 255)
    times = np.tile(np.arange(frames) * step, feeds)
    return TrainingFootage(pictures, times, np.repeat(np.arange(feeds), frames).astype(np.int64))


def network(seed: int = 0) -> Network:
    """A network with random weights and distinct vectors."""
    torch.manual_seed(seed)
    return Network().eval()
