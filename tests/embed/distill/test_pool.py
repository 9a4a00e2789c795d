from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from streamsel.embed.distill import pool as pool_module
from streamsel.embed.distill.pool import Pool, make_pool, thumbnail
from tests.embed.distill.made import TEACHER, patches


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "SHARD", 16)


def _pool(seed: int = 0, cache: Path | None = None) -> Pool:
    return make_pool(patches, TEACHER, views=30, size=16, seed=seed, cache=cache)


def test_a_pool_is_whole_shards_of_thumbnails_and_vectors() -> None:
    told: list[int] = []
    pool = make_pool(patches, TEACHER, views=30, size=16, seed=0, progress=told.append)
    assert len(pool) == 32
    assert pool.thumbnails.shape == (32, 16, 16, 3)
    assert pool.vectors.shape == (32, 320)
    assert told == [16, 32]


def test_rows_of_a_group_stay_together() -> None:
    shades = _pool().thumbnails.astype(int).mean((1, 2, 3)).reshape(-1, 4)
    np.testing.assert_allclose(shades - shades[:, :1], [[0, 5, 10, 40]] * 8, atol=1e-9)


def test_the_seed_makes_the_pool() -> None:
    assert np.array_equal(_pool(1).thumbnails, _pool(1).thumbnails)
    assert not np.array_equal(_pool(1).thumbnails, _pool(2).thumbnails)


def test_a_finished_shard_is_not_made_again(tmp_path: Path) -> None:
    made = _pool(cache=tmp_path / "pool")

    def tired(view: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        raise AssertionError("asked again")

    idle = replace(TEACHER, networks=(tired,))
    read = make_pool(patches, idle, views=30, size=16, seed=0, cache=tmp_path / "pool")
    np.testing.assert_array_equal(read.thumbnails, made.thumbnails)
    np.testing.assert_array_equal(read.vectors, made.vectors)


def test_another_teachers_shards_are_not_taken_for_its_own(tmp_path: Path) -> None:
    made = _pool(cache=tmp_path / "pool")
    other = replace(TEACHER, networks=TEACHER.networks[::-1], widths=(120, 200), digest="other")
    read = make_pool(patches, other, views=30, size=16, seed=0, cache=tmp_path / "pool")
    assert read.widths == (120, 200)
    np.testing.assert_array_equal(read.vectors[:, 120:], made.vectors[:, :200])


def test_a_thumbnail_is_the_average_over_its_cells() -> None:
    view = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    wanted = view.reshape(8, 4, 8, 4, 3).mean((1, 3))
    np.testing.assert_allclose(thumbnail(view, 8), wanted, atol=1)
