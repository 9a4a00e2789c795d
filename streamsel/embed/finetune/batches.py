"""Batches of pairs of views from footage."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from streamsel.embed.finetune.augment import plain, views
from streamsel.embed.finetune.training_footage import TrainingFootage
from streamsel.embed.network import Network

_AT_ONCE = 256
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Two views each of B moments: rows ``i`` and ``i + B`` are a pair.

    ``views`` is (2B, 3, 64, 64) float, ``start`` (2B, 256) the starting network's vectors of the
    whole pictures; ``feeds`` and ``times`` are (2B,).
    """

    views: Tensor
    start: Tensor
    feeds: Tensor
    times: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(
            self.views.to(device),
            self.start.to(device),
            self.feeds.to(device),
            self.times.to(device),
        )


class Batches:
    """Draws batches from footage."""

    def __init__(self, footage: TrainingFootage, start: Network, device: torch.device) -> None:
        """Embed all footage once with the starting network."""
        self._pictures = torch.from_numpy(footage.pictures)
        self._feeds = torch.from_numpy(footage.feeds)
        self._times = torch.from_numpy(footage.times)
        first, last = footage.neighbours()
        self._first, self._last = torch.from_numpy(first), torch.from_numpy(last)
        self._start = embed_plain(start, self._pictures, device)

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """Pair a view of each frame with another view of it or of a neighbour in time.

        ``rows`` is (B,) int64. The neighbour is drawn from all frames of the same moment.
        """
        count = len(rows)
        reach = self._last[rows] - self._first[rows] + 1  # (B,)
        chosen = (torch.rand(count, generator=rng) * reach).long()
        both = torch.cat([rows, self._first[rows] + chosen])  # (2B,)
        mirrored = (torch.rand(count, generator=rng) < 0.5).repeat(2)
        return Batch(
            views(self._pictures[both], rng, mirrored),
            self._start[both],
            self._feeds[both],
            self._times[both],
        )

    def near(self) -> float:
        """Return the 90th percentile of neighbours' distances at the start; 0 if there are none."""
        rows = torch.nonzero(self._last > torch.arange(len(self)))[:, 0]
        if not len(rows):
            return 0.0
        apart = (self._start[rows] - self._start[rows + 1]).norm(dim=1)
        return float(torch.quantile(apart, _NEARLY_ALL))


def embed_plain(network: Network, pictures: Tensor, device: torch.device) -> Tensor:
    """Embed whole pictures, (N, S, S, 3) uint8: (N, 256) unit vectors, on the CPU."""
    with torch.inference_mode():
        found = [
            normalize(network(plain(some).to(device)), dim=1).cpu()
            for some in torch.split(pictures, _AT_ONCE)
        ]
    return torch.cat(found).clone()
