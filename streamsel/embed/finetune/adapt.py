"""The fine-tuning loop: one epoch at a time, can be interrupted and resumed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.optim.swa_utils import AveragedModel

from streamsel.embed.finetune.batches import Batches
from streamsel.embed.finetune.objective import Objective
from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.embed.finetune.training_footage import Split
from streamsel.embed.network import Network
from streamsel.errors import ConfigurationError

_STEEPEST = 2.0
_LEAST_AVERAGED_STEPS = 8

Stepped = Callable[[int, int], None]
"""Called after each step with the number of finished steps and of steps in an epoch."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Result of an epoch: its number from 1, its losses, whether the held-out one is lowest."""

    number: int
    loss: float
    held_out_loss: float
    is_best: bool


class Adaptation:
    """Trains a copy of a network; keeps the weights with the lowest loss on held-out footage.

    An adaptation restored from ``state`` continues exactly as the original would have. On a CPU,
    the same arguments and number of threads give the same weights.
    """

    def __init__(
        self, start: Network, split: Split, recipe: FinetuneRecipe, device: torch.device
    ) -> None:
        # Batch norms stay in inference mode in every pass. Otherwise the statistics of a few
        # hundred frames of one place would replace those of many, and training would use other
        # statistics than selection.
        start = copy.deepcopy(start).to(device).eval()
        self._recipe, self._device = recipe, device
        self._trained = Batches(split.trained, start, device)
        self._held_out = Batches(split.held_out, start, device)
        self._objective = Objective(recipe, self._trained.near())
        self._network = copy.deepcopy(start)
        self._batch = recipe.batch_of(len(self._trained))
        self._steps = len(self._trained) // self._batch
        averaged = max(_LEAST_AVERAGED_STEPS, self._steps // 2)

        def follow(kept: Tensor, now: Tensor, _: Tensor | int) -> Tensor:
            return kept.lerp(now, 1 / averaged)

        self._average = AveragedModel(self._network, avg_fn=follow).eval()
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, recipe.rate, total_steps=self._steps * recipe.epochs, pct_start=0.2
        )
        self._rng = torch.Generator().manual_seed(recipe.seed)
        self._best: dict[str, Tensor] = {}
        self.best_epoch = 0
        self.start_loss = self.best_loss = self._measure(start)
        self.epochs: list[Epoch] = []

    @property
    def most_epochs(self) -> int:
        """Maximum number of epochs; training may stop earlier."""
        return self._recipe.epochs

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or ``patience`` epochs in a row brought no improvement."""
        done = len(self.epochs)
        return done >= self._recipe.epochs or done - self.best_epoch >= self._recipe.patience

    def run_epoch(self, stepped: Stepped = lambda done, steps: None) -> Epoch:
        """Train on every frame about once. Raises :class:`ConfigurationError` on divergence."""
        order = torch.randperm(len(self._trained), generator=self._rng)
        total = 0.0
        for step in range(self._steps):
            total += self._step(order[step * self._batch :][: self._batch])
            stepped(step + 1, self._steps)
        held_out = self._measure(self._averaged)
        number = len(self.epochs) + 1
        if not math.isfinite(total) or not math.isfinite(held_out):
            raise ConfigurationError(
                f"the training diverged in epoch {number}: the learning rate "
                f"{self._recipe.rate:g} is too high; restart with a lower --lr and --overwrite"
            )
        epoch = Epoch(number, total / self._steps, held_out, held_out < self.best_loss)
        if epoch.is_best:
            self.best_loss, self.best_epoch = held_out, number
            weights = self._averaged.state_dict()
            self._best = {name: each.cpu().clone() for name, each in weights.items()}
        self.epochs.append(epoch)
        return epoch

    def best(self) -> Network | None:
        """Return the network with the lowest held-out loss; None if no epoch beat the start."""
        if not self.best_epoch:
            return None
        network = Network()
        network.load_state_dict(self._best)
        return network.to(self._device).eval()

    def state(self) -> dict[str, Any]:
        """Return the complete state for :meth:`restore`, as tensors and plain values."""
        return {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "rng": self._rng.get_state(),
            "best": self._best,
            "epochs": [
                (each.number, each.loss, each.held_out_loss, each.is_best) for each in self.epochs
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same adaptation; call before the first epoch."""
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._rng.set_state(state["rng"])
        self._best = dict(state["best"])
        self.epochs = [Epoch(*each) for each in state["epochs"]]
        for epoch in self.epochs:
            if epoch.is_best:
                self.best_loss, self.best_epoch = epoch.held_out_loss, epoch.number

    @property
    def _averaged(self) -> Network:
        network = self._average.module
        assert isinstance(network, Network)
        return network

    def _step(self, rows: Tensor) -> float:
        loss = self._loss(self._network, self._trained, rows, self._rng)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _STEEPEST)
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._network)
        return float(loss.detach())

    def _measure(self, network: Network) -> float:
        """Return the loss on held-out footage, always with the same views in the same batches."""
        rng = torch.Generator().manual_seed(self._recipe.seed)
        rows = torch.arange(len(self._held_out))
        order = torch.randperm(len(rows), generator=rng)
        parts = order.tensor_split(-(-len(rows) // self._recipe.batch))
        with torch.no_grad():
            losses = [float(self._loss(network, self._held_out, part, rng)) for part in parts]
        return sum(losses) / len(losses)

    def _loss(
        self, network: Network, batches: Batches, rows: Tensor, rng: torch.Generator
    ) -> Tensor:
        batch = batches.draw(rows, rng).to(self._device)
        return self._objective.loss(normalize(network(batch.views), dim=1), batch)
