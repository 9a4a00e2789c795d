"""The distillation loop: trains the built-in network to reproduce its teacher's distances.

The targets are the teacher's unit vectors, projected on their 208 principal directions (uncentred,
which preserves distances best). The loss has three terms: one minus the cosine to the target, the
squared error of distances between views of different groups, and the squared error of distances
within a group. The last has the largest weight, because a selector mostly compares frames of one
scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize, pad
from torch.optim.swa_utils import AveragedModel

from streamsel.embed.distill.pool import Pool
from streamsel.embed.distill.views import GROUP
from streamsel.embed.finetune.objective import distances
from streamsel.embed.forward import lay_out
from streamsel.embed.network import LEARNED_DIM, Network

Report = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRecipe:
    """Hyperparameters: ``steps`` batches of ``batch`` views, with a one-cycle learning rate.

    ``averaging`` is the decay of the exponential moving average of the weights.
    """

    steps: int = 4000
    batch: int = 256
    peak_rate: float = 4e-3
    weight_decay: float = 0.03
    relation_weight: float = 4.0
    group_weight: float = 8.0
    averaging: float = 0.998
    seed: int = 0


def distill(
    pool: Pool, recipe: DistillRecipe, report: Report = lambda step, losses: None
) -> Network:
    """Train a network on the pool. The same pool, recipe and thread count give the same weights.

    Returns the moving average of the weights and of the batch norms' statistics. It is less noisy
    than the last step; the initial weights fade out over a few times 1 / (1 - averaging) steps.
    ``report`` is called with the losses of every hundredth step.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    targets = teacher_targets(pool)
    pixels = torch.from_numpy(pool.thumbnails)
    network = lay_out(Network())

    def follow(kept: Tensor, now: Tensor, _: Tensor | int) -> Tensor:
        return kept.lerp(now, 1 - recipe.averaging) if kept.is_floating_point() else now

    average = AveragedModel(network, avg_fn=follow, use_buffers=True)
    optimizer = torch.optim.AdamW(
        _decayed(network, recipe.weight_decay), lr=recipe.peak_rate, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.peak_rate, total_steps=recipe.steps, pct_start=0.1
    )
    batches = _batches(len(pool), recipe.batch, rng)
    for step in range(recipe.steps):
        rows = next(batches)
        views = disturb(pixels[rows].permute(0, 3, 1, 2).float())  # (B, 3, S, S)
        losses = loss_terms(normalize(network.learned(views), dim=1), targets[rows])
        loss = (
            losses["cosine"]
            + recipe.relation_weight * losses["relation"]
            + recipe.group_weight * losses["group"]
        )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        if (step + 1) % 100 == 0:
            report(step + 1, {name: float(value.detach()) for name, value in losses.items()})
    network.load_state_dict(average.module.state_dict())
    return network.eval()


def teacher_targets(pool: Pool) -> Tensor:
    """Project the teacher's unit vectors on their principal directions: (N, D) to (N, 208), unit.

    All networks of the teacher have equal weight.
    """
    parts = torch.split(torch.from_numpy(pool.vectors).float(), list(pool.widths), dim=1)
    vectors = normalize(torch.cat([normalize(part, dim=1) for part in parts], dim=1), dim=1)
    covariance = (vectors.T @ vectors).double() / len(vectors)
    _, directions = torch.linalg.eigh(covariance)  # ascending
    main = directions.flip(1)[:, :LEARNED_DIM].float()  # (D, 208)
    return normalize(vectors @ main, dim=1)


def loss_terms(vectors: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Return the three terms of the loss for unit (B, 208) ``vectors`` and ``targets``.

    Rows 4i to 4i+3 are one group.
    """
    groups = torch.arange(len(vectors)) // GROUP
    same = groups[:, None] == groups[None, :]  # (B, B)
    error = (distances(vectors) - distances(targets)).square()
    apart = ~torch.eye(len(vectors), dtype=torch.bool)
    return {
        "cosine": (1 - (vectors * targets).sum(1)).mean(),
        "relation": error[~same].mean(),
        "group": error[same & apart].mean(),
    }


def disturb(views: Tensor) -> Tensor:
    """Augment (B, 3, S, S) views in place: mirroring, sensor noise, change of light, light blur."""
    count = len(views)

    def some(share: float) -> Tensor:
        return torch.rand(count) < share

    mirrored = some(0.5)
    views[mirrored] = views[mirrored].flip(3)
    noisy = some(0.3)
    amount = 12 * torch.rand(int(noisy.sum()), 1, 1, 1)
    views[noisy] += amount * torch.randn_like(views[noisy])
    lit = some(0.3)
    gain = (1 + 0.12 * torch.randn(int(lit.sum()), 1, 1, 1)).clamp(0.7, 1.3)
    views[lit] = views[lit] * gain + 6 * torch.randn(int(lit.sum()), 1, 1, 1)
    soft = some(0.15)
    if bool(soft.any()):
        padded = pad(views[soft], (1, 1, 1, 1), mode="replicate")
        views[soft] = avg_pool2d(padded, 3, 1)
    return views.clamp(0, 255)


def _decayed(network: Network, decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels, none for biases and batch norms."""
    kernels = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _batches(views: int, batch: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Yield the row numbers of batches of whole groups in random order, endlessly.

    Each group is drawn at most once per epoch; an incomplete last batch of an epoch is skipped.
    """
    groups, wanted = views // GROUP, batch // GROUP
    order: list[int] = []
    while True:
        if len(order) < wanted:
            order = rng.permutation(groups).tolist()
        chosen, order = np.array(order[:wanted]), order[wanted:]
        rows = (chosen[:, None] * GROUP + np.arange(GROUP)).ravel()
        yield torch.from_numpy(rows)
