"""The training pool: thumbnails of views with their teacher's vectors.

Running the teacher on a view costs far more than a training step, so it is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from streamsel.embed.distill.teacher import Teacher
from streamsel.embed.distill.views import GROUP, Views

SHARD = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """``thumbnails`` (N, S, S, 3) uint8 RGB and the teacher's ``vectors`` (N, D) float16.

    Rows 4i to 4i+3 are one group of related views. ``widths`` are the lengths of the vectors of
    the teacher's networks, which lie side by side in a row.
    """

    thumbnails: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.float16]
    widths: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.thumbnails)


def make_pool(
    draw: Callable[[np.random.Generator], Views],
    teacher: Teacher,
    *,
    views: int,
    size: int,
    seed: int,
    cache: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Pool:
    """Draw ``views`` views, rounded up to whole shards of 1,024, and run the teacher on each.

    ``draw`` returns one group of four related views. The same seed gives the same pool. With a
    ``cache`` folder each finished shard is stored there, and a stored shard is read instead of
    computed. ``progress`` is called with the number of views so far.
    """
    shards = []
    for number in range(-(-views // SHARD)):
        name = f"{teacher.digest}-seed{seed}-size{size}-{number:04d}.npz"
        stored = None if cache is None else cache / name
        if stored is not None and stored.is_file():
            with np.load(stored) as arrays:
                shard = Pool(arrays["thumbnails"], arrays["vectors"], teacher.widths)
        else:
            shard = _make_shard(draw, teacher, size, np.random.default_rng((seed, number)))
            if stored is not None:
                _store(shard, stored)
        shards.append(shard)
        progress((number + 1) * SHARD)
    return Pool(
        np.concatenate([shard.thumbnails for shard in shards]),
        np.concatenate([shard.vectors for shard in shards]),
        teacher.widths,
    )


def thumbnail(view: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Average a view's pixels over the cells of a size x size grid, much as selection does."""
    return np.asarray(Image.fromarray(view).resize((size, size), Image.Resampling.BOX))


def _make_shard(
    draw: Callable[[np.random.Generator], Views],
    teacher: Teacher,
    size: int,
    rng: np.random.Generator,
) -> Pool:
    thumbnails: list[npt.NDArray[np.uint8]] = []
    vectors: list[npt.NDArray[np.float16]] = []
    for _ in range(SHARD // GROUP):
        views = draw(rng)
        vectors.append(teacher(views).astype(np.float16))
        thumbnails.extend(thumbnail(view, size) for view in views)
    return Pool(np.stack(thumbnails), np.concatenate(vectors), teacher.widths)


def _store(shard: Pool, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, thumbnails=shard.thumbnails, vectors=shard.vectors)
    partial.replace(path)
