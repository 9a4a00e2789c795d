from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from streamsel.embed.forward import CpuSlot, take_turns
from streamsel.embed.preprocess import Prepared
from streamsel.embed.torch_embedder import open_slots
from streamsel.frame import Thumbnail, Vectors
from tests.embed.pictures import thumbnails


class Late:
    """A slot as on a GPU: a batch is ready when it is fetched, from memory that is used again."""

    batch, dim = 4, 1

    def __init__(self, diary: list[str], name: str) -> None:
        self._diary, self._name = diary, name
        self._staging = np.zeros((self.batch, 64, 64, 3), np.uint8)

    def start(self, thumbnails: Sequence[Thumbnail]) -> None:
        self._diary.append(f"start {self._name}")
        self._staging[: len(thumbnails)] = thumbnails

    def finish(self, into: Vectors) -> None:
        self._diary.append(f"finish {self._name}")
        into[:, 0] = self._staging[: len(into)].mean((1, 2, 3))


@pytest.mark.parametrize("count", [0, 1, 4, 9, 12, 13, 30])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_every_batch_ends_in_its_place(count: int, slots: int) -> None:
    diary: list[str] = []
    seen, found = thumbnails(count), np.full((count, 1), np.nan, np.float32)
    take_turns([Late(diary, f"{each}") for each in range(slots)], seen, found)
    np.testing.assert_allclose(found[:, 0], [each.mean() for each in seen], rtol=1e-6)
    assert len(diary) == 2 * -(-count // 4)


def test_the_next_batches_are_begun_while_the_first_is_under_way() -> None:
    diary: list[str] = []
    found = np.empty((16, 1), np.float32)
    take_turns([Late(diary, "a"), Late(diary, "b"), Late(diary, "c")], thumbnails(16), found)
    assert diary == [
        *("start a", "start b", "start c", "finish a", "start a"),
        *("finish b", "finish c", "finish a"),
    ]


class Mean(nn.Module):
    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self._seen = seen

    def forward(self, x: Tensor) -> Tensor:
        self._seen.append(len(x))
        return x.mean((2, 3))


@pytest.mark.parametrize(("side", "batch"), [(8, 32), (64, 32), (224, 2), (384, 1), (1024, 1)])
def test_a_batch_on_a_cpu_has_one_size_that_suits_the_pictures(side: int, batch: int) -> None:
    seen: list[int] = []
    network = Prepared(Mean(seen), (0.0,) * 3, (1.0,) * 3)
    [slot] = open_slots(network, side, torch.device("cpu"))
    assert (slot.batch, slot.dim) == (batch, 3)
    found = np.empty((3, 3), np.float32)
    take_turns([slot], [np.full((side, side, 3), each, np.uint8) for each in (0, 51, 255)], found)
    np.testing.assert_allclose(found[:, 0], [0, 0.2, 1], rtol=1e-5)
    assert set(seen) == {batch}


class Odd(nn.Module):
    def __init__(self, given: object) -> None:
        super().__init__()
        self._given = given

    def forward(self, _: Tensor) -> object:
        return self._given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((torch.zeros(32, 4), None), "gives tuple, not"),
        (torch.zeros(32, 4, dtype=torch.int64), "gives a tensor of torch.int64, not"),
        (torch.zeros(32, 4, 2, 2), r"\(32, 4, 2, 2\) for 32 pictures, not \(32, D\)"),
        (torch.zeros(1, 4), r"\(1, 4\) for 32 pictures"),
        (torch.zeros(32, 0), r"\(32, 0\) for 32 pictures"),
    ],
)
def test_a_network_that_gives_no_vectors_is_refused(given: object, said: str) -> None:
    network = Prepared(Odd(given), (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(ValueError, match=said):
        CpuSlot(network, 64)


class Counting(nn.Module):
    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self._seen = seen

    def forward(self, x: Tensor) -> Tensor:
        self._seen.append(torch.get_num_threads())
        return x.mean((2, 3))


def test_a_batch_on_a_cpu_is_computed_by_one_thread() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    torch.set_num_threads(3)
    try:
        slot = CpuSlot(Prepared(Counting(seen), (0.0,) * 3, (1.0,) * 3), 64)
        slot.start(thumbnails(1))
        assert seen == [1, 1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
