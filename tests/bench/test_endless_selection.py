from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from tests.bench.endless_selection import (
    PERIOD_FRAMES,
    Figures,
    Tape,
    adaptive_threshold,
    figures,
    mean,
    shared,
    windowed,
)
from tests.coreset.orders import order
from tests.selection.test_online import of


def test_the_adaptive_threshold_keeps_about_the_share() -> None:
    seen = order("random", 2000, 12, seed=1)
    threshold, kept = adaptive_threshold(seen, 0.1, 0.5)
    assert 150 <= len(kept) <= 250
    assert 0.0 < threshold < 2.0


def test_the_best_selection_has_ratios_of_one() -> None:
    seen = order("random", 200, 6, seed=2)
    found = figures(seen, seen, 200, churn=1.0)
    assert found is None  # everything was kept, so there is no radius to compare with
    rows = [Figures(2.0, 1.0, 0.5, 1.0, 1.0, 3.0), None, Figures(0.5, 1.0, 2.0, 1.0, 0.5, 1.0)]
    assert astuple(mean(rows)) == pytest.approx((1.0, 1.0, 1.0, 1.0, 0.75, 2.0))


def test_windows_and_shares_are_measured() -> None:
    clips = [of(order("drift", 200, 8, seed)) for seed in range(3)]
    row = windowed(Tape(clips, [0, 1, 2] * 2), 10, 300, 32)
    assert 0.5 < row.c99 < 2.0
    assert 0.5 < row.filled <= 1.0
    assert row.churn > 0.0
    long = [of(order("random", PERIOD_FRAMES, 8, seed)) for seed in range(2)]
    found = list(shared(Tape(long, [0, 1]), 0.02))
    assert len(found) == 6
    assert np.allclose([one.kept for one in found if "n-th" in one.method], 0.02)
    assert all(one.kept <= 0.021 for one in found if "this" in one.method)
