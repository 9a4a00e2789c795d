"""The loss of fine-tuning: contrast between views, and drift of distances."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from streamsel.embed.finetune.batches import Batch
from streamsel.embed.finetune.recipe import FAR_SECONDS, FinetuneRecipe
from streamsel.errors import ConfigurationError

_RELATION_SCALE = 20.0
"""Brings the squared errors of distances, some hundredths, to the size of the contrast."""

_Contrast = Callable[..., Tensor]


class Objective:
    """The loss of a batch.

    A contrast: the two views of a pair closer to each other than to those of other moments
    (Khosla et al. 2020, "Supervised Contrastive Learning", which for one pair a row is the loss of
    SimCLR). And the squared error of all other distances against those of the starting network.

    Footage is not a set of photographs: most frames look like many others. A pair of moments is
    pushed apart only where they are of two feeds or seconds apart, and where the starting network
    holds them farther from each other than it does neighbours in time; else the noise of a fixed
    camera would be what is learned.
    """

    def __init__(self, recipe: FinetuneRecipe, near: float) -> None:
        """``near`` is the distance up to which two moments are left alone."""
        self._contrast = _contrast(recipe.temperature)
        self._keep = recipe.keep
        self._near = near

    def loss(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The loss of (2B, 256) unit vectors of the batch's views, a scalar."""
        pairs = _pairs(len(vectors), vectors.device)
        before = distances(batch.start)  # (2B, 2B)
        apart = (batch.feeds[:, None] != batch.feeds) | (
            (batch.times[:, None] - batch.times).abs() >= FAR_SECONDS
        )
        pushed = apart & (before > self._near) & ~pairs
        chosen = (*torch.nonzero(pairs).unbind(1), *torch.nonzero(pushed).unbind(1))
        contrast = self._contrast(vectors, indices_tuple=chosen)
        held = ~pairs & ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
        moved = (distances(vectors) - before).square()[held].mean()
        return (1 - self._keep) * contrast + self._keep * _RELATION_SCALE * moved


def distances(vectors: Tensor) -> Tensor:
    """Distances between unit vectors: (N, D) to (N, N)."""
    return (2 - 2 * vectors @ vectors.T).clamp(min=1e-6).sqrt()


def _pairs(rows: int, device: torch.device) -> Tensor:
    """Mark (2B, 2B) where two rows are the views of one pair."""
    row = torch.arange(rows, device=device)
    return (row[:, None] - row).abs() == rows // 2


def require_library() -> None:
    """Raise :class:`ConfigurationError` where the library of losses is not installed."""
    _contrast(1.0)


def _contrast(temperature: float) -> _Contrast:
    try:
        from pytorch_metric_learning.losses import SupConLoss
    except ImportError as error:
        raise ConfigurationError(
            'training needs pytorch-metric-learning: pip install "streamsel[train]"'
        ) from error
    contrast: _Contrast = SupConLoss(temperature=temperature)
    return contrast
