from __future__ import annotations

import numpy as np
import pytest
import torch

from streamsel.embed.finetune.evaluate import (
    Figures,
    better,
    effective_rank,
    measure,
    worse,
)
from streamsel.embed.finetune.training_footage import TrainingFootage
from tests.embed.finetune.made import footage, network

CPU = torch.device("cpu")


def test_scenes_that_differ_are_found_again_and_told_apart() -> None:
    found = measure(network(), footage(), 0, CPU)
    assert found == measure(network(), footage(), 0, CPU)
    assert found.found_again > 0.3
    assert found.moments_told_apart is not None
    assert found.moments_told_apart > 0.8
    assert found.noise is not None
    assert 0 < found.noise < 1
    assert 1 < found.directions < 256


def test_a_frame_that_is_a_moment_by_itself_is_found_again() -> None:
    assert measure(network(), footage(frames=8, step=60.0), 0, CPU).found_again > 0.1


def test_a_random_order_of_pictures_tells_nothing() -> None:
    made = footage(feeds=4, frames=60)
    mixed = np.random.default_rng(0).permutation(len(made))
    found = measure(
        network(), TrainingFootage(made.pictures[mixed], made.times, made.feeds), 0, CPU
    )
    assert found.moments_told_apart == pytest.approx(0.5, abs=0.1)
    assert found.found_again < measure(network(), made, 0, CPU).found_again


def test_a_figure_without_pairs_is_left_out() -> None:
    found = measure(network(), footage(feeds=1, frames=20, step=0.2), 0, CPU)  # 4 s: nothing far
    assert found.moments_told_apart is None
    assert found.noise is None
    assert measure(network(), footage(step=1.0), 0, CPU).moments_told_apart is None  # nothing near


def test_effective_rank_counts_directions() -> None:
    rng = np.random.default_rng(0)
    for directions in (1, 3, 8):
        basis = np.linalg.qr(rng.normal(size=(64, directions)))[0]
        vectors = rng.normal(size=(4000, directions)) @ basis.T
        assert effective_rank(vectors.astype(np.float32)) == pytest.approx(directions, rel=0.02)
    assert effective_rank(np.ones((5, 64), np.float32)) == 1


def test_clearly_better_and_clearly_worse() -> None:
    before = Figures(0.5, 0.9, 0.2, 8.0)
    assert worse(before, before) == better(before, before) == ()
    assert better(before, Figures(0.6, 0.95, 0.1, 30.0)) == (
        "found_again",
        "moments_told_apart",
        "noise",
    )
    assert worse(before, Figures(0.4, 0.8, 0.3, 2.0)) == (
        "found_again",
        "moments_told_apart",
        "noise",
        "directions",
    )
    assert worse(before, Figures(0.49, 0.899, 0.205, 7.0)) == ()
    assert worse(before, Figures(0.5, None, None, 8.0)) == ()
