from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import ConfigurationError
from streamsel.selection.lookahead import LookAhead
from tests.coreset.candidates import candidate

VECTOR = np.array([1.0, 0.0], np.float32)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.booleans(), max_size=60),
    st.integers(1, 6),
    st.sampled_from([1, 10]),
    st.integers(1, 60),
)
def test_blocks_depend_on_the_place_in_the_stream_alone(
    embedded: list[bool], frames: int, hold: int, batch: int
) -> None:
    stream = [candidate(i, VECTOR if some else None) for i, some in enumerate(embedded)]
    ahead = LookAhead(frames, 2, hold)
    blocks = []
    for start in range(0, len(stream), batch):
        blocks += list(ahead.take(stream[start : start + batch]))
    whole = len(blocks)
    waiting = ahead.waiting
    blocks += list(ahead.rest())
    assert [one for block in blocks for one in block] == stream
    assert ahead.waiting == ()
    sizes = [sum(one.embedding is not None for one in block) for block in blocks]
    if sum(embedded) >= hold:
        assert all(size in (0, frames) for size in sizes[:whole])
        assert sum(one.embedding is not None for one in waiting) < frames
    else:
        assert not any(sizes[:whole])
    assert all(
        len(block) == 1 for block, size in zip(blocks[:whole], sizes, strict=False) if not size
    )


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="look_ahead is 0"):
        LookAhead(0, 2)
    with pytest.raises(ConfigurationError, match="calibration_frames is 0"):
        LookAhead(1, 2, hold=0)
    with pytest.raises(ConfigurationError, match=r"walk-000003 has the shape \(2,\)"):
        list(LookAhead(1, 3).take([candidate(3, VECTOR)]))
