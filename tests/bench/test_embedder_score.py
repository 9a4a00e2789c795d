from __future__ import annotations

import numpy as np
import pytest

from streamsel.frame import Vectors
from tests.bench.embedder_score import score, unit


@pytest.fixture
def judged() -> list[Vectors]:
    """Three clips that wander away from a place of their own."""
    rng = np.random.default_rng(0)
    walks = (3 * rng.normal(size=12) + rng.normal(size=(n, 12)).cumsum(0) for n in (210, 60, 90))
    return [unit(walk.astype(np.float32)) for walk in walks]


def test_the_judge_itself_scores_one(judged: list[Vectors]) -> None:
    assert score(judged, judged).startswith("S 1.000  V 1.000  M 1.000\n")


def test_a_blind_embedder_scores_far_less(judged: list[Vectors]) -> None:
    rng = np.random.default_rng(1)
    blind = [unit(rng.normal(size=each.shape).astype(np.float32)) for each in judged]
    assert float(score(blind, judged).split()[1]) < 0.4
