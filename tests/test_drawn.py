from __future__ import annotations

import numpy as np
import pytest

from tests.drawn import DRAWERS, looked_at


@pytest.mark.parametrize("name", DRAWERS)
def test_what_is_drawn_by_chance_is_what_was_looked_at(name: str) -> None:
    drawn, before = DRAWERS[name](), looked_at(name)
    assert drawn.shape == before.shape
    apart = np.abs(drawn.astype(int) - before)
    assert apart.mean() < 0.1
    each = (apart > 6).any(axis=3).sum(axis=(1, 2))  # pixels of each picture
    assert each.max() <= 2
