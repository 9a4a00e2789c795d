from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from streamsel.embed.distill.distill import (
    DistillRecipe,
    distill,
    disturb,
    loss_terms,
    teacher_targets,
)
from streamsel.embed.distill.pool import Pool
from tests.embed.distill.made import TEACHER, patches


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = np.random.default_rng(0)
    views = np.concatenate([patches(rng) for _ in range(12)])
    return Pool(views, TEACHER(views).astype(np.float16), TEACHER.widths)


def _bytes(pool: Pool, seed: int) -> bytes:
    state = distill(pool, DistillRecipe(steps=3, batch=16, seed=seed)).state_dict()
    return b"".join(tensor.contiguous().numpy().tobytes() for tensor in state.values())


def test_the_seed_makes_the_weights(pool: Pool) -> None:
    first = _bytes(pool, 0)
    assert _bytes(pool, 0) == first
    assert _bytes(pool, 1) != first


def test_training_brings_the_network_nearer_to_its_teacher(pool: Pool) -> None:
    def error(steps: int) -> float:
        network = distill(pool, DistillRecipe(steps=steps, batch=48, averaging=0.5))
        pixels = torch.from_numpy(pool.thumbnails).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            terms = loss_terms(normalize(network.learned(pixels), dim=1), teacher_targets(pool))
        return float(terms["cosine"])

    assert error(25) < 0.5 * error(1)


def test_the_result_is_an_average_of_the_steps(pool: Pool) -> None:
    def head(averaging: float) -> torch.Tensor:
        recipe = DistillRecipe(steps=2, batch=16, averaging=averaging)
        return distill(pool, recipe).head.weight.detach()

    last, mixed, first = head(0.0), head(0.25), head(1.0)
    torch.testing.assert_close(mixed, 0.25 * first + 0.75 * last)
    assert not torch.equal(first, last)


def test_losses_are_reported_every_hundredth_step() -> None:
    rng = np.random.default_rng(1)
    views = patches(rng)
    told: list[tuple[int, set[str]]] = []
    distill(
        Pool(views, TEACHER(views).astype(np.float16), TEACHER.widths),
        DistillRecipe(steps=101, batch=4),
        lambda step, losses: told.append((step, set(losses))),
    )
    assert told == [(100, {"cosine", "relation", "group"})]


def test_targets_keep_the_teachers_distances(pool: Pool) -> None:
    targets = teacher_targets(pool)
    vectors = torch.from_numpy(pool.vectors).float()
    first, second = normalize(vectors[:, :200], dim=1), normalize(vectors[:, 200:], dim=1)
    wanted = ((torch.cdist(first, first) ** 2 + torch.cdist(second, second) ** 2) / 2).sqrt()
    assert targets.shape == (48, 208)
    torch.testing.assert_close(torch.cdist(targets, targets), wanted, rtol=1e-3, atol=3e-3)


def test_a_perfect_student_loses_nothing() -> None:
    torch.manual_seed(0)
    targets = normalize(torch.randn(12, 208), dim=1)
    assert all(abs(float(term)) < 1e-5 for term in loss_terms(targets, targets).values())


def test_a_mistake_within_a_group_is_seen_by_its_own_term() -> None:
    torch.manual_seed(0)
    targets = normalize(torch.randn(4, 208), dim=1).repeat_interleave(4, 0)  # 4 groups of one view
    vectors = normalize(targets + 0.03 * torch.randn_like(targets), dim=1)
    terms = loss_terms(vectors, targets)
    assert float(terms["group"]) > 10 * float(terms["relation"])


def test_a_turned_space_keeps_its_relations() -> None:
    torch.manual_seed(0)
    targets = normalize(torch.randn(8, 208), dim=1)
    turn, _ = torch.linalg.qr(torch.randn(208, 208))
    terms = loss_terms(targets @ turn, targets)
    assert float(terms["relation"]) < 1e-5
    assert float(terms["group"]) < 1e-5
    assert float(terms["cosine"]) > 0.5


def test_disturbing_keeps_pixels_in_range_and_changes_them() -> None:
    torch.manual_seed(0)
    views = 255 * torch.rand(64, 3, 16, 16)
    changed = disturb(views.clone())
    assert changed.shape == views.shape
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 255
    same = (changed == views).flatten(1).all(1).float().mean()
    assert 0 < float(same) < 0.6
