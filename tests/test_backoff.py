"""Pauses between attempts grow, are bounded, and differ."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from streamsel.backoff import Backoff


@given(st.floats(0.01, 1.0), st.floats(1.0, 60.0), st.integers(1, 10_000), st.integers(0, 99))
def test_a_pause_grows_with_the_failures_up_to_its_bound(
    first: float, most: float, failures: int, seed: int
) -> None:
    pause = Backoff(first=first, most=most).delay(failures, random.Random(seed))
    whole = min(most, first * 2 ** min(failures - 1, 64))
    assert whole / 2 <= pause <= whole


def test_feeds_that_were_lost_together_do_not_come_back_together() -> None:
    backoff, chance = Backoff(first=0.25, most=2.0), random.Random(1)
    assert len({backoff.delay(8, chance) for _ in range(100)}) == 100
