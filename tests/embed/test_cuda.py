"""The whole path on a GPU. Where there is none, there is nothing here to collect."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.cuda import half_precision
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import EmbedderError
from streamsel.frame import View
from tests.embed.pictures import thumbnails

# Eight bits of mantissa: what a component of a unit vector of some hundred numbers may be off.
CLOSE = 0.02


def convolutions(device: torch.device) -> TorchEmbedder:
    torch.manual_seed(2)
    network = nn.Sequential(
        *(nn.Conv2d(3, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten()),
    ).eval()
    preparation = Preparation(View(64), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return TorchEmbedder("mine", network, preparation, "0", device)


class Overflow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) / 0


if torch.cuda.is_available():
    CARD = torch.device("cuda", 0)

    def test_vectors_are_near_those_of_the_cpu() -> None:
        seen = thumbnails(300)
        for ours, theirs in (
            (BuiltinEmbedder(device="cuda"), BuiltinEmbedder(device="cpu")),
            (convolutions(CARD), convolutions(torch.device("cpu"))),
        ):
            found, wanted = ours.embed(seen), theirs.embed(seen)
            assert (ours.dim, ours.digest) == (theirs.dim, theirs.digest)
            np.testing.assert_allclose(found, wanted, atol=CLOSE)
            assert np.einsum("nd,nd->n", found, wanted).min() > 0.999
            lengths = np.linalg.norm(found.astype(np.float64), axis=1)
            np.testing.assert_allclose(lengths, 1, atol=1e-6)
            assert not found.flags.writeable

    @pytest.mark.parametrize("size", [1, 7, 64, 65, 200])
    def test_batching_changes_no_bit(size: int) -> None:
        embedder, seen = convolutions(CARD), thumbnails(300)
        at_once = embedder.embed(seen)
        parts = [embedder.embed(seen[i : i + size]) for i in range(0, len(seen), size)]
        assert np.concatenate(parts).tobytes() == at_once.tobytes()

    def test_threads_that_use_it_at_once_get_their_own() -> None:
        embedder = convolutions(CARD)
        lots = [thumbnails(150, seed) for seed in range(6)]
        alone = [embedder.embed(lot) for lot in lots]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(embedder.embed, lots))
        for one, other in zip(alone, together, strict=True):
            assert one.tobytes() == other.tobytes()

    def test_numbers_that_are_not_finite_are_refused() -> None:
        preparation = Preparation(View(64), (0.0,) * 3, (1.0,) * 3)
        embedder = TorchEmbedder("mine", Overflow().eval(), preparation, "0", CARD)
        with pytest.raises(EmbedderError, match="not finite"):
            embedder.embed(thumbnails(3))

    def test_the_card_decides_the_precision() -> None:
        newer = torch.cuda.get_device_capability(CARD) >= (8, 0)
        assert half_precision(CARD) is (torch.bfloat16 if newer else torch.float16)
