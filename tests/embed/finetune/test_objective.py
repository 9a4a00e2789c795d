"""The loss of fine-tuning: who is pulled together, who is pushed apart, and what stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from streamsel.embed.finetune.batches import Batch
from streamsel.embed.finetune.objective import Objective, distances
from streamsel.embed.finetune.recipe import FAR_SECONDS, FinetuneRecipe


def at(*degrees: float) -> Tensor:
    """Unit vectors in a plane."""
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def batch(start: Tensor, feeds: list[int], times: list[float]) -> Batch:
    """Moments with two views each."""
    return Batch(
        torch.zeros(len(start), 3, 64, 64),
        start,
        torch.tensor(feeds * 2),
        torch.tensor(times * 2, dtype=torch.float64),
    )


def test_distances_are_exact_down_to_a_thousandth() -> None:
    vectors = at(0, 60, 180)
    expected = torch.tensor([[0.0, 1, 2], [1, 0, 3**0.5], [2, 3**0.5, 0]], dtype=torch.float64)
    torch.testing.assert_close(distances(vectors), expected, rtol=0, atol=1.1e-3)
    small = torch.rad2deg(torch.tensor(1.2e-3)).item()
    assert distances(at(0, small))[0, 1].item() == pytest.approx(1.2e-3, rel=1e-4)


def test_equal_vectors_have_a_gradient() -> None:
    vectors = at(10, 10).requires_grad_()
    torch.autograd.backward(distances(vectors).sum())
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()


def pull(objective: Objective, told: Batch, vectors: Tensor) -> float:
    """Which way the loss moves the first vector, in degrees of its angle; below 0: towards 0."""
    wanted = vectors.clone().requires_grad_()
    torch.autograd.backward(objective.loss(wanted, told))
    assert wanted.grad is not None
    tangent = torch.stack([-vectors[0, 1], vectors[0, 0]])
    return -float(wanted.grad[0] @ tangent)


CONTRAST = replace(FinetuneRecipe(), keep=0.0)


def test_the_two_views_of_a_moment_are_pulled_together() -> None:
    start = at(0, 90, 0, 90)
    told = batch(start, [0, 1], [0.0, 0.0])
    above, below = (
        pull(Objective(CONTRAST, 0.1), told, at(degrees, 90, 0, 90)) for degrees in (10, -10)
    )
    assert above < min(0, below)


@pytest.mark.parametrize(
    ("feeds", "seconds", "near", "pushed"),
    [
        ([0, 0], FAR_SECONDS, 0.1, True),
        ([0, 0], FAR_SECONDS - 0.01, 0.1, False),
        ([0, 1], 0.0, 0.1, True),
        ([0, 1], 0.0, 1.0, False),
    ],
)
def test_only_moments_that_differ_are_pushed_apart(
    feeds: list[int], seconds: float, near: float, pushed: bool
) -> None:
    start = at(0, 30, 0, 30)
    told = batch(start, feeds, [0.0, seconds])
    force = pull(Objective(CONTRAST, near), told, start)
    assert (force < -1e-9) == pushed


def test_what_did_not_move_has_no_drift() -> None:
    start = at(0, 30, 5, 35)
    keeping = Objective(replace(FinetuneRecipe(), keep=1.0), 0.1)
    told = batch(start, [0, 0], [0.0, 1.0])
    assert keeping.loss(start, told).item() == pytest.approx(0.0, abs=1e-12)
    moved = keeping.loss(at(0, 40, 5, 35), told).item()
    assert moved > 0
    # The two views of a moment may move towards each other as they like.
    assert keeping.loss(at(0, 30, 0, 30), batch(at(0, 30, 0, 30), [0, 0], [0, 1.0])).item() == (
        pytest.approx(0.0, abs=1e-12)
    )
