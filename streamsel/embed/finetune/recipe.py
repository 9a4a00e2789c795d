"""Validated parameters of a fine-tuning. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamsel.errors import ConfigurationError

NEAR_SECONDS = 0.5
"""Frames of a feed no farther apart than this show one moment."""
FAR_SECONDS = 5.0
"""Frames of a feed at least this far apart show different moments, as do frames of two feeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneRecipe:
    """Hyperparameters of a fine-tuning. Invalid values raise :class:`ConfigurationError`.

    ``batch`` is the maximum number of frames in a step; small footage uses fewer. ``keep`` is the
    weight of the drift term, 0 to 1: with 1 the network only preserves its distances, with 0 they
    may change freely. Training stops after ``patience`` epochs in a row without a lower held-out
    loss.
    """

    epochs: int = 10
    batch: int = 256
    rate: float = 1e-3
    weight_decay: float = 0.01
    keep: float = 0.3
    temperature: float = 0.1
    patience: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, count, least in (
            ("epochs", self.epochs, 1),
            ("batch", self.batch, 8),
            ("patience", self.patience, 1),
        ):
            if count < least:
                raise ConfigurationError(f"{name} is {count}; it must be at least {least}")
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise ConfigurationError(f"lr is {self.rate:g}; it must be above 0")
        if not 0 <= self.keep <= 1:
            raise ConfigurationError(f"keep is {self.keep:g}; it must lie in 0..1")
        if not 0 <= self.seed < 2**63:
            raise ConfigurationError(f"seed is {self.seed}; it must be 0 or more, below 2^63")

    def batch_of(self, frames: int) -> int:
        """Return the frames per step: an eighth of ``frames``, at least 8 and at most ``batch``."""
        return max(8, min(self.batch, frames // 8))
