from __future__ import annotations

import numpy as np
import pytest

from streamsel.embed.finetune.training_footage import (
    PICTURE_SIDE_PX,
    Gatherer,
    TrainingFootage,
    split,
)
from streamsel.errors import ConfigurationError
from tests.embed.finetune.made import footage

SIDE = PICTURE_SIDE_PX


def _gather(lengths: list[int], most: int) -> TrainingFootage:
    gatherer = Gatherer(most)
    for length in lengths:
        gatherer.begin_feed()
        for i in range(length):
            gatherer.add(i / 4, np.full((SIDE, SIDE, 3), i % 256, np.uint8))
    gathered = gatherer.footage()
    assert len(gatherer) == len(gathered)
    return gathered


def test_everything_is_kept_while_there_is_room() -> None:
    found = _gather([30, 20], 64)
    assert found.feeds.tolist() == [0] * 30 + [1] * 20
    assert found.times[:30].tolist() == [i / 4 for i in range(30)]
    assert found.pictures[:30, 0, 0, 0].tolist() == list(range(30))


@pytest.mark.parametrize("lengths", [[1000], [300, 200, 100], [3] * 200, [65]])
def test_more_than_the_most_is_thinned_evenly(lengths: list[int]) -> None:
    found = _gather(lengths, 64)
    assert 16 <= len(found) <= 64
    whole = np.repeat(np.arange(len(lengths)), lengths)
    assert found.feeds.max() >= 0.7 * whole.max()
    if lengths == [1000]:
        assert found.times.max() > 0.7 * 250
        first, last = found.neighbours()
        assert (last > first).all()  # every frame has kept a neighbour


def test_neighbours_are_within_half_a_second_of_the_same_feed() -> None:
    made = footage(feeds=2, frames=10)
    first, last = made.neighbours()
    for row in range(len(made)):
        near = (made.feeds == made.feeds[row]) & (np.abs(made.times - made.times[row]) <= 0.5)
        assert np.flatnonzero(near).tolist() == list(range(first[row], last[row] + 1))


def test_whole_feeds_are_held_out_where_they_make_the_share() -> None:
    parts = split(footage(feeds=5), 0.2, seed=0)
    assert parts.by == "feed"
    assert len(parts.held_out) == 40
    assert not set(parts.trained.feeds.tolist()) & set(parts.held_out.feeds.tolist())
    held = {split(footage(feeds=5), 0.2, seed).held_out.feeds[0] for seed in range(8)}
    assert len(held) > 1


def test_the_end_is_held_out_of_a_single_feed_behind_a_gap() -> None:
    parts = split(footage(feeds=1, frames=200), 0.2, seed=0)
    assert parts.by == "time"
    assert parts.held_out.times.min() - parts.trained.times.max() >= 0.05 * 49.75
    assert len(parts.held_out) == pytest.approx(40, abs=1)


def test_too_little_footage() -> None:
    with pytest.raises(ConfigurationError, match=r"too little footage: .* at least 48 and 16"):
        split(footage(feeds=1, frames=60), 0.2, seed=0)
    with pytest.raises(ConfigurationError, match="too little footage: 0 frames"):
        split(footage(feeds=1, frames=0), 0.2, seed=0)
