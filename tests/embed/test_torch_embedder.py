from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import EmbedderError
from streamsel.frame import View
from streamsel.interfaces.embedding import Embedder
from tests.embed.pictures import thumbnails

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CPU = torch.device("cpu")


def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).eval()


def embedder(inside: nn.Module | None = None, side: int = 64) -> TorchEmbedder:
    preparation = Preparation(View(side, 0.9, "bicubic"), MEAN, STD)
    return TorchEmbedder("mine", inside or network(), preparation, "0123456789abcdef", CPU)


def test_it_is_what_the_line_wants() -> None:
    seam: Embedder = embedder()
    assert (seam.name, seam.digest, seam.dim) == ("mine", "0123456789abcdef", 24)
    assert seam.view == View(64, 0.9, "bicubic")


def test_its_vectors_are_those_of_the_network_at_unit_length() -> None:
    seen = thumbnails(37)
    pixels = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2) / 255
    shown = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.inference_mode():
        wanted = nn.functional.normalize(network()(shown)).numpy()
    found = embedder().embed(seen)
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    assert found.dtype == np.float32
    assert not found.flags.writeable
    np.testing.assert_allclose(np.linalg.norm(found.astype(np.float64), axis=1), 1, atol=1e-6)


def test_it_knows_its_size() -> None:
    made = embedder()
    assert made.parameters == sum(each.numel() for each in network().parameters())
    assert made.weights_bytes == 4 * made.parameters + 4 * 2 * 16 + 8


@pytest.mark.parametrize("side", [64, 128])
def test_batching_changes_no_bit(side: int) -> None:
    made = embedder(side=side)
    rng = np.random.default_rng(0)
    seen = list(rng.integers(0, 256, (40, side, side, 3), np.uint8))
    at_once = made.embed(seen)
    for size in (1, 7, 32, 33):
        parts = [made.embed(seen[i : i + size]) for i in range(0, len(seen), size)]
        assert np.concatenate(parts).tobytes() == at_once.tobytes()


def test_threads_that_use_it_at_once_get_their_own() -> None:
    made = embedder()
    lots = [thumbnails(20, seed) for seed in range(8)]
    alone = [made.embed(lot) for lot in lots]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(made.embed, lots))
    for one, other in zip(alone, together, strict=True):
        assert one.tobytes() == other.tobytes()


def test_nothing_in_nothing_out() -> None:
    assert embedder().embed([]).shape == (0, 24)


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 4)


def test_a_vector_without_direction_is_of_unit_length_too() -> None:
    np.testing.assert_array_equal(embedder(Zero()).embed(thumbnails(2)), np.full((2, 4), 0.5))


class Divide(nn.Module):
    """Not finite for pictures of one colour."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) / (x - x[:, :, :1, :1]).abs().sum((1, 2, 3))[:, None]


def test_numbers_that_are_not_finite_are_refused() -> None:
    made = embedder(Divide())
    assert made.embed(thumbnails(3)).shape == (3, 3)
    with pytest.raises(EmbedderError, match="embedder 'mine' gave numbers that are not finite"):
        made.embed([*thumbnails(3), np.zeros((64, 64, 3), np.uint8)])


def test_a_thumbnail_of_another_size_is_refused_and_the_next_are_not() -> None:
    made = embedder()
    with pytest.raises(EmbedderError, match=r"wants \(64, 64, 3\) uint8"):
        made.embed([*thumbnails(40), np.zeros((32, 32, 3), np.uint8)])
    assert made.embed(thumbnails(1)).shape == (1, 24)


def test_a_network_for_other_pictures_is_refused_in_one_line() -> None:
    other = nn.Sequential(nn.Flatten(), nn.Linear(300, 4)).eval()
    with pytest.raises(
        EmbedderError, match="embedder 'mine' fails on pictures of 64 x 64 px: mat1"
    ) as e:
        embedder(other)
    assert "\n" not in str(e.value)


def test_a_network_that_gives_maps_is_refused_by_name() -> None:
    with pytest.raises(EmbedderError, match=r"'mine'.*\(32, 8, 62, 62\) for 32 pictures"):
        embedder(nn.Conv2d(3, 8, 3).eval())


class Tired(nn.Module):
    """Fails after some passes, as a device does that loses its memory to others."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        if self.passes > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
        return x.mean((2, 3))


def test_a_network_that_fails_later_is_said_in_one_line() -> None:
    made = embedder(Tired())
    with pytest.raises(EmbedderError, match=r"'mine' fails .*: CUDA out of memory\.$"):
        made.embed(thumbnails(1))
