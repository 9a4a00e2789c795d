"""Evaluates weights on held-out footage: four figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from streamsel.embed.finetune.augment import noisy_twins, views
from streamsel.embed.finetune.batches import embed_plain
from streamsel.embed.finetune.recipe import FAR_SECONDS
from streamsel.embed.finetune.training_footage import TrainingFootage
from streamsel.embed.network import Network
from streamsel.frame import Vectors

_FAR_PAIRS = 50_000
_AT_ONCE = 256
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics on held-out frames; None if the footage has no such pairs.

    ``found_again``: share of altered frames (crop, light, blur, noise) that have their original, or
    a frame of its moment, as nearest neighbour. ``moments_told_apart``: probability that two frames
    of different moments are farther apart than two frames of one moment (area under the ROC
    curve). ``noise``: 99th percentile of the distance between a frame and the same frame with noise
    and JPEG artefacts, over the median distance of different moments. ``directions``: effective
    rank of the vectors (Roy and Vetterli 2007), the number of directions in which they spread.
    """

    found_again: float
    moments_told_apart: float | None
    noise: float | None
    directions: float


HIGHER_IS_BETTER = {
    "found_again": True,
    "moments_told_apart": True,
    "noise": False,
    "directions": True,
}

# Relative changes; there are few held-out frames, and one or two of them must not decide.
_TOLERATED = {"found_again": 0.05, "moments_told_apart": 0.01, "noise": 0.05, "directions": 0.2}


def measure(
    network: Network, held_out: TrainingFootage, seed: int, device: torch.device
) -> Figures:
    """Measure a network; one seed gives the same altered frames and pairs for every network."""
    pictures = torch.from_numpy(held_out.pictures)
    network = network.to(device).eval()
    vectors = embed_plain(network, pictures, device).numpy()  # (N, D)
    altered = _embed_altered(network, pictures, seed, device)
    noisy = torch.from_numpy(noisy_twins(held_out.pictures, seed))
    noisy_vectors = embed_plain(network, noisy, device).numpy()
    first, last = held_out.neighbours()
    near = _distances_after(vectors, first, last)
    far = _far_distances(vectors, held_out, seed)
    shaken = np.linalg.norm(vectors - noisy_vectors, axis=1)  # (N,)
    return Figures(
        found_again=_found_again(altered, vectors, first, last),
        moments_told_apart=_auc(near, far) if len(near) and len(far) else None,
        noise=float(np.quantile(shaken, 0.99) / np.median(far)) if len(far) else None,
        directions=effective_rank(vectors),
    )


def better(before: Figures, after: Figures) -> tuple[str, ...]:
    """Return the names of figures that clearly improved, except ``directions``.

    Noise adds directions too, so more of them alone are no proof.
    """
    gains = _gains(before, after)
    return tuple(
        name for name, gain in gains.items() if name != "directions" and gain > _TOLERATED[name]
    )


def worse(before: Figures, after: Figures) -> tuple[str, ...]:
    """Return the names of figures that clearly got worse."""
    return tuple(name for name, gain in _gains(before, after).items() if gain < -_TOLERATED[name])


def _gains(before: Figures, after: Figures) -> dict[str, float]:
    """Return the relative improvement of each figure; negative if it got worse."""
    found = {}
    for name, higher in HIGHER_IS_BETTER.items():
        was, now = getattr(before, name), getattr(after, name)
        if was is not None and now is not None:
            gain = (now - was) / max(was, _SMALLEST)
            found[name] = gain if higher else -gain
    return found


def effective_rank(vectors: Vectors) -> float:
    """Return the effective rank of (N, D) vectors, 1 to D.

    It is the exponential of the entropy of the spectrum of the centred vectors.
    """
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    strengths = np.linalg.svd(centred, compute_uv=False) ** 2
    total = strengths.sum()
    if total <= 0:
        return 1.0
    shares = strengths[strengths > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _embed_altered(network: Network, pictures: Tensor, seed: int, device: torch.device) -> Vectors:
    rng = torch.Generator().manual_seed(seed)
    found = []
    with torch.inference_mode():
        for some in torch.split(pictures, _AT_ONCE):
            shown = views(some, rng, torch.zeros(len(some), dtype=torch.bool))
            found.append(normalize(network(shown.to(device)), dim=1).cpu().numpy())
    return np.concatenate(found)


def _found_again(
    altered: Vectors,
    vectors: Vectors,
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> float:
    nearest = np.concatenate(
        [
            np.argmax(altered[begin : begin + _AT_ONCE] @ vectors.T, axis=1)
            for begin in range(0, len(altered), _AT_ONCE)
        ]
    )  # (N,)
    return float(((first <= nearest) & (nearest <= last)).mean())


def _distances_after(
    vectors: Vectors, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return (P,) distances from each frame to the last one of its moment."""
    rows = np.flatnonzero(last > np.arange(len(vectors)))
    apart: npt.NDArray[np.float32] = np.linalg.norm(vectors[rows] - vectors[last[rows]], axis=1)
    return apart


def _far_distances(
    vectors: Vectors, held_out: TrainingFootage, seed: int
) -> npt.NDArray[np.float32]:
    """Return (P,) distances of random pairs of different moments."""
    one, other = np.random.default_rng(seed).integers(len(vectors), size=(2, _FAR_PAIRS))
    far = (held_out.feeds[one] != held_out.feeds[other]) | (
        np.abs(held_out.times[one] - held_out.times[other]) >= FAR_SECONDS
    )
    one, other = one[far], other[far]
    apart = [
        np.linalg.norm(vectors[one[at : at + 4096]] - vectors[other[at : at + 4096]], axis=1)
        for at in range(0, len(one), 4096)
    ]
    return np.concatenate(apart) if apart else np.empty(0, np.float32)


def _auc(near: npt.NDArray[np.float32], far: npt.NDArray[np.float32]) -> float:
    """Return the probability that a value of ``far`` exceeds one of ``near``; a tie counts half."""
    ordered = np.sort(far)
    below = np.searchsorted(ordered, near, "left") + np.searchsorted(ordered, near, "right")
    return float(1 - below.mean() / (2 * len(far)))
