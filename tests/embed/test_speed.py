"""How many frames an embedder embeds in a second."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from streamsel.embed import speed
from streamsel.embed.speed import BATCH, frames_per_second
from streamsel.frame import Thumbnail


@pytest.mark.parametrize(
    ("took", "rate"),
    [
        ([2.0], BATCH / 2),
        ([0.25, 0.125, 0.125], BATCH / 0.125),
        ([0.25, 0.25], BATCH / 0.25),
        ([0.25, 0.125, 0.5], BATCH / 0.125),
    ],
)
def test_the_best_batch_of_half_a_second_counts(
    monkeypatch: pytest.MonkeyPatch, took: list[float], rate: float
) -> None:
    now, shapes = [10.0], set()
    left = iter(took)

    def embed(thumbnails: Sequence[Thumbnail]) -> None:
        shapes.add((len(thumbnails), *thumbnails[0].shape))
        now[0] += next(left)

    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    embedder = SimpleNamespace(view=SimpleNamespace(side=8), embed=embed)
    assert frames_per_second(embedder) == rate
    assert next(left, None) is None
    assert shapes == {(BATCH, 8, 8, 3)}
