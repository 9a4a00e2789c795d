"""A power cut: strict loses nothing that was acknowledged, batched a second; nothing is torn."""

from __future__ import annotations

import random

import pytest

from tests.conftest import leave_out
from tests.sinks.power import MountError, cut_often


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_power_cut_tears_nothing_and_loses_what_it_may(tmp_path, durability):
    try:
        found = cut_often(tmp_path, durability, 2, random.Random(durability))
    except MountError as error:
        leave_out(f"cutting the power of a disk needs root and the right to mount: {error}")
    assert min(found.done) > 3
    assert durability == "batched" or found.lost == [0, 0]
