from __future__ import annotations

import numpy as np
import torch

from streamsel.embed.finetune.augment import averaging, noisy_twins, plain, views
from streamsel.embed.network import INPUT_SIZE
from tests.embed.finetune.made import footage

PICTURES = torch.from_numpy(footage(feeds=1, frames=8).pictures)


def test_a_whole_picture_is_averaged_over_areas() -> None:
    shown = plain(PICTURES)
    assert shown.shape == (8, 3, INPUT_SIZE, INPUT_SIZE)
    # 96 to 64: of three pixels each way two cells, the middle pixel shared by both.
    blocks = PICTURES.permute(0, 3, 1, 2).double().reshape(8, 3, 32, 3, 32, 3)
    shares = torch.tensor([[2, 1, 0], [0, 1, 2]], dtype=torch.float64) / 3
    wanted = torch.einsum("bcipjq,up,vq->bciujv", blocks, shares, shares).reshape(8, 3, 64, 64)
    assert (shown - wanted).abs().max() <= 0.51


def test_weights_average_and_a_part_of_a_picture_is_only_that() -> None:
    kernel = averaging(torch.tensor([16.0]), torch.tensor([64.0]), 96)
    torch.testing.assert_close(kernel[0], torch.eye(96)[16:80])
    blurred = averaging(torch.tensor([16.0]), torch.tensor([64.0]), 96, 3.0)
    torch.testing.assert_close(blurred.sum(2), torch.ones(1, 64))
    torch.testing.assert_close(blurred[0, 10, 25:28], torch.full((3,), 1 / 3))


def test_views_differ_and_are_the_same_for_the_same_seed() -> None:
    still = torch.zeros(8, dtype=torch.bool)

    def draw(seed: int) -> torch.Tensor:
        return views(PICTURES, torch.Generator().manual_seed(seed), still)

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert draw(1).min() >= 0
    assert draw(1).max() <= 255


def test_mirroring_mirrors() -> None:
    flat = PICTURES[:1].clone()
    flat[:, :, :48], flat[:, :, 48:] = 20, 220
    shown = views(flat.repeat(64, 1, 1, 1), torch.Generator().manual_seed(0), torch.arange(64) < 32)
    left, right = shown[..., :16].mean((1, 2, 3)), shown[..., -16:].mean((1, 2, 3))
    assert (left > right)[:32].all()
    assert (left < right)[32:].all()


def test_noisy_twins_are_alike_and_not_equal() -> None:
    twins = noisy_twins(PICTURES.numpy(), seed=0)
    apart = np.abs(twins.astype(int) - PICTURES.numpy()).mean((1, 2, 3))
    assert (apart > 1).all()
    assert (apart < 20).all()
    assert np.array_equal(twins, noisy_twins(PICTURES.numpy(), seed=0))
