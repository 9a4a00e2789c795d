"""Hyperparameters of a fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("epochs", [1], [0, -1]),
        ("batch", [8], [7]),
        ("patience", [1], [0]),
        ("rate", [1e-9, 1.0], [0.0, -1.0, float("inf"), float("nan")]),
        ("keep", [0.0, 1.0], [-0.1, 1.1, float("nan")]),
        ("seed", [0, 2**63 - 1], [-1, 2**63]),
    ],
)
def test_values_within_bounds(name: str, good: Sequence[float], bad: Sequence[float]) -> None:
    made: Callable[..., FinetuneRecipe] = FinetuneRecipe
    for value in good:
        assert getattr(made(**{name: value}), name) == value
    told = "lr" if name == "rate" else name
    for value in bad:
        with pytest.raises(ConfigurationError, match=f"^{told} is"):
            made(**{name: value})


@pytest.mark.parametrize(
    ("frames", "batch"), [(0, 8), (64, 8), (72, 9), (800, 100), (2048, 256), (9999, 256)]
)
def test_a_step_takes_an_eighth_of_the_frames(frames: int, batch: int) -> None:
    assert FinetuneRecipe().batch_of(frames) == batch
