"""The loss of fine-tuning: contrast between views, and drift of distances."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from streamsel.embed.finetune.batches import Batch
from streamsel.embed.finetune.recipe import FAR_SECONDS, FinetuneRecipe
from streamsel.errors import ConfigurationError

_RELATION_SCALE = 20.0
"""Scales the squared errors of distances, some hundredths, to the size of the contrast."""

_Contrast = Callable[..., Tensor]


class Objective:
    """The loss of a batch: a contrastive term and a drift term.

    The contrastive term pulls the two views of a pair together and pushes views of other moments
    away (Khosla et al. 2020, "Supervised Contrastive Learning"; with one pair per row it equals the
    loss of SimCLR). The drift term is the squared error of all other distances relative to those of
    the starting network.

    Most frames of footage resemble many others. Two moments are therefore pushed apart only if they
    are of different feeds or at least 5 s apart, and the starting network places them farther apart
    than neighbours in time. Otherwise the network would learn the noise of a fixed camera.
    """

    def __init__(self, recipe: FinetuneRecipe, near: float) -> None:
        """``near`` is the starting distance up to which two moments are not pushed apart."""
        self._contrast = _contrast(recipe.temperature)
        self._keep = recipe.keep
        self._near = near

    def loss(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return the scalar loss for the (2B, 256) unit vectors of the batch's views."""
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
    """Return the distances between unit vectors: (N, D) to (N, N)."""
    return (2 - 2 * vectors @ vectors.T).clamp(min=1e-6).sqrt()


def _pairs(rows: int, device: torch.device) -> Tensor:
    """Return a (2B, 2B) mask of rows that are the two views of one pair."""
    row = torch.arange(rows, device=device)
    return (row[:, None] - row).abs() == rows // 2


def require_library() -> None:
    """Raise :class:`ConfigurationError` if pytorch-metric-learning is not installed."""
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
