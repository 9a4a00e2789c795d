"""Batches: everything once and in order, full ones wherever possible."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsel.frame import PrefilteredFrame
from streamsel.runtime.file_run import Batcher
from tests.runtime.stages import frame


def prefiltered(index: int, refused: bool) -> PrefilteredFrame:
    return PrefilteredFrame(
        frame=frame("a", index),
        luma_grid=np.zeros((32, 32), np.uint8),
        digest=0,
        sharpness=0.0,
        refusal="black" if refused else None,
        thumbnail=None,
    )


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 9), st.integers(1, 50))
def test_order_and_size(refused: list[bool], size: int, step: int) -> None:
    prefiltered_frames = [prefiltered(index, flag) for index, flag in enumerate(refused)]
    batcher = Batcher(size)
    batches = [
        batch
        for begin in range(0, len(prefiltered_frames), step)
        for batch in batcher.add(prefiltered_frames[begin : begin + step])
    ]
    rest = batcher.rest()
    assert [one for batch in [*batches, rest] for one in batch] == prefiltered_frames
    assert all(sum(one.refusal is None for one in batch) == size for batch in batches)
    assert sum(one.refusal is None for one in rest) < size


def test_a_feed_of_nothing_but_refused_frames_is_bounded() -> None:
    batcher = Batcher(32)
    batches = list(batcher.add([prefiltered(index, refused=True) for index in range(600)]))
    assert [len(batch) for batch in batches] == [256, 256]
    assert len(batcher.rest()) == 88
