from __future__ import annotations

import numpy as np
import pytest

from streamsel.embed.preprocess import BATCH, batches
from streamsel.errors import EmbedderError
from tests.embed.pictures import thumbnails


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (32, [32]), (70, [32, 32, 6])])
def test_every_batch_has_the_same_shape(count: int, sizes: list[int]) -> None:
    found = list(batches(thumbnails(count), 64))
    assert [rows for _, rows in found] == sizes
    assert {tuple(pixels.shape) for pixels, _ in found} <= {(BATCH, 3, 64, 64)}


def test_pixels_arrive_unchanged_and_the_rest_is_black() -> None:
    seen = thumbnails(3)
    [(pixels, _)] = batches(seen, 64)
    rows = pixels.permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(rows[:3], np.stack(seen))
    assert not rows[3:].any()


@pytest.mark.parametrize(
    "odd", [np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.float32)]
)
def test_a_thumbnail_of_another_kind_is_refused(odd: np.ndarray) -> None:
    with pytest.raises(EmbedderError, match=r"wants \(64, 64, 3\) uint8"):
        list(batches([odd], 64))
