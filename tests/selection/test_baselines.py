from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.selection.baselines import Reservoir, random, uniform

EXAMPLES = settings(deadline=None, max_examples=100)


@EXAMPLES
@given(st.integers(0, 5000), st.integers(0, 300))
def test_uniform_takes_the_middle_of_equal_intervals(total: int, count: int) -> None:
    kept = uniform(total, count)
    size = min(total, count)
    assert len(kept) == size
    assert len(set(kept.tolist())) == size
    for number, position in enumerate(kept.tolist()):
        middle = (number + 0.5) * total / size
        assert position < middle <= position + 1
    if size > 1:
        assert np.ptp(np.diff(kept)) <= 1


@pytest.mark.parametrize(("total", "count"), [(100, 10), (97, 10), (50, 7), (31, 2), (30, 30)])
def test_uniform_is_what_the_fps_filter_of_ffmpeg_keeps(
    ffmpeg: Path, tmp_path: Path, total: int, count: int
) -> None:
    clip = tmp_path / "clip.nut"
    make = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25", "-frames:v", str(total)]
    subprocess.run([ffmpeg, "-v", "error", *make, "-c:v", "ffv1", clip], check=True)

    def hashes(*options: str) -> list[str]:
        command = [str(ffmpeg), "-v", "error", "-i", str(clip), *options, "-f", "framemd5", "-"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [line.split(",")[-1].strip() for line in lines.splitlines() if line[0] != "#"]

    everything = hashes()
    thinned = hashes("-vf", f"fps=25*{count}/{total}")
    assert [everything.index(one) for one in thinned] == uniform(total, count).tolist()


@EXAMPLES
@given(st.integers(0, 500), st.integers(0, 50), st.integers(0, 2**32))
def test_random_is_the_reservoir_over_the_positions(total: int, count: int, seed: int) -> None:
    kept = random(total, count, seed).tolist()
    assert len(kept) == min(total, count)
    assert kept == sorted(set(kept))
    if count:
        reservoir: Reservoir[int] = Reservoir(count, seed)
        for position in range(total):
            reservoir.offer(position)
        assert kept == sorted(reservoir.items)


def test_random_depends_on_its_seed() -> None:
    assert random(1000, 10, seed=1).tolist() == random(1000, 10, seed=1).tolist()
    assert random(1000, 10, seed=1).tolist() != random(1000, 10, seed=2).tolist()


def test_every_position_is_equally_likely() -> None:
    draws, total, count = 4000, 20, 5
    seen = Counter(int(one) for seed in range(draws) for one in random(total, count, seed))
    expected = draws * count / total
    deviation = np.sqrt(expected * (1 - count / total))
    assert all(abs(seen[position] - expected) < 5 * deviation for position in range(total))


@EXAMPLES
@given(st.integers(0, 200), st.integers(1, 20), st.integers(0, 2**32))
def test_offers_say_what_is_out(total: int, count: int, seed: int) -> None:
    reservoir: Reservoir[int] = Reservoir(count, seed)
    live: set[int] = set()
    for position in range(total):
        out = reservoir.offer(position)
        assert len(out) == (position >= count)
        live |= {position}
        live -= set(out)
        assert live == set(reservoir.items)


def test_wrong_counts_are_named() -> None:
    with pytest.raises(ValueError, match="count is 0"):
        Reservoir(0, seed=0)
    with pytest.raises(ValueError, match="count is -1"):
        uniform(3, -1)
    with pytest.raises(ValueError, match="total is -2"):
        random(-2, 1, seed=0)
