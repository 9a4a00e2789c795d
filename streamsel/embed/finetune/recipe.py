"""The parameters of a fine-tuning, as a frozen value that checks itself. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamsel.errors import ConfigurationError

NEAR_SECONDS = 0.5
"""Frames of a feed no farther apart than this show one moment."""
FAR_SECONDS = 5.0
"""Frames of a feed at least so far apart show two moments, as those of two feeds do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneRecipe:
    """How long, how fast, and how near to where it began.

    ``batch`` is the most frames in a step; small footage has smaller ones. ``keep`` is the weight
    of the distances that the network started with: 1 learns nothing new, 0 forgets freely.
    ``patience`` is how many epochs in a row may bring no lower loss on what is held out.
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
        """Frames in a step where so many are trained on: at least eight steps an epoch."""
        return max(8, min(self.batch, frames // 8))
