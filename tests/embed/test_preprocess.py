from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from streamsel.embed.preprocess import Prepared, batches, check, fill
from streamsel.errors import EmbedderError
from tests.embed.pictures import thumbnails


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (7, [7]), (32, [32]), (70, [32, 32, 6])])
def test_batches_keep_the_order(count: int, sizes: list[int]) -> None:
    seen = thumbnails(count)
    found = list(batches(seen, 32))
    assert [len(each) for each in found] == sizes
    assert all(a is b for a, b in zip((t for each in found for t in each), seen, strict=True))


def test_a_batch_is_padded_with_black() -> None:
    staging = np.full((4, 64, 64, 3), 9, np.uint8)
    seen = thumbnails(3)
    fill(staging, seen)
    assert np.array_equal(staging[:3], np.stack(seen))
    assert not staging[3].any()


@pytest.mark.parametrize(
    "odd", [np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.float32)]
)
def test_a_thumbnail_of_another_kind_is_refused(odd: np.ndarray) -> None:
    with pytest.raises(EmbedderError, match=r"wants \(64, 64, 3\) uint8"):
        check([*thumbnails(2), odd], 64)


def test_a_network_gets_what_libraries_would_give_it() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    pixels = torch.from_numpy(np.stack(thumbnails(3))).permute(0, 3, 1, 2)
    wanted = (pixels / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(Prepared(nn.Identity(), mean, std)(pixels), wanted)


def test_a_network_that_wants_pixels_gets_them_to_the_bit() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    given = Prepared(nn.Identity(), (0.0,) * 3, (1 / 255,) * 3)(pixels)
    assert torch.equal(given, pixels.float())
