from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.snapshot import FORMAT, Snapshot
from streamsel.errors import RecordError
from tests.coreset.orders import EXAMPLES, offer_all, order, streams


@EXAMPLES
@given(
    streams(),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([None, 6.0, 40.0]),
    st.sampled_from([0.0, 0.4]),
    st.sampled_from([1, 8]),
    st.floats(0.0, 1.0),
    st.integers(0, 2**32 - 1),
)
def test_a_restored_coreset_continues_alike(
    vectors: np.ndarray,
    capacity: int,
    floor: float,
    window: float | None,
    warm: float,
    block: int,
    part: float,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    vectors = vectors.copy()
    vectors[random.random(len(vectors)) < 0.1] = np.nan
    times = random.exponential(1.0, len(vectors)).cumsum().tolist()
    qualities = random.random(len(vectors)).tolist()
    cut = int(part * len(vectors)) // block * block
    coreset = Coreset[int](
        capacity, vectors.shape[1], floor=floor, window=window, warm_spacing=warm
    )  # fmt: skip
    offer_all(coreset, vectors[:cut], block, times=times[:cut], qualities=qualities[:cut])
    snapshot = coreset.snapshot()
    rest = {"times": times[cut:], "qualities": qualities[cut:]}
    expected = offer_all(coreset, vectors[cut:], block, first=cut, **rest)
    read = Snapshot.from_bytes(snapshot.to_bytes(), int)
    for restored in (Coreset.restore(snapshot), Coreset.restore(read)):
        assert offer_all(restored, vectors[cut:], block, first=cut, **rest) == expected
        assert restored.snapshot().to_bytes() == coreset.snapshot().to_bytes()
        for name in ("keys", "spacing", "threshold", "coverage_bound", "lower_bound",
                     "admitted", "evicted", "refused"):  # fmt: skip
            assert getattr(restored, name) == getattr(coreset, name)


def test_a_snapshot_does_not_follow_its_coreset() -> None:
    vectors = order("growing", 120, 6, seed=1)
    coreset = Coreset[int](8, 6)
    offer_all(coreset, vectors[:60], 8)
    snapshot = coreset.snapshot()
    before = snapshot.to_bytes()
    offer_all(Coreset.restore(snapshot), vectors[60:], 8)
    offer_all(coreset, vectors[60:], 8)
    assert snapshot.to_bytes() == before != coreset.snapshot().to_bytes()


def test_pins_and_a_changed_capacity_and_floor_survive() -> None:
    vectors = order("growing", 200, 6, seed=2)
    coreset = Coreset[int](8, 6)
    offer_all(coreset, vectors[:100], 8)
    coreset.pin(coreset.keys[2])
    coreset.resize(5)
    coreset.set_floor(0.1)
    restored = Coreset.restore(Snapshot.from_bytes(coreset.snapshot().to_bytes(), int))
    assert restored.pinned == coreset.pinned
    assert (restored.capacity, restored.floor) == (5, 0.1)
    assert offer_all(restored, vectors[100:], 8) == offer_all(coreset, vectors[100:], 8)


def test_keys_of_any_kind_survive() -> None:
    coreset = Coreset[tuple[str, int]](3, 4)
    names = [("gäte\x00", 1), ("a,b", 2), ("", 3)]
    for name, vector in zip(names, np.eye(4, dtype=np.float32), strict=False):
        coreset.offer(name, vector)
    content = coreset.snapshot().to_bytes(lambda key: f"{key[1]}:{key[0]}")
    read = Snapshot.from_bytes(content, lambda text: (text.split(":")[1], int(text.split(":")[0])))
    assert Coreset.restore(read).keys == tuple(names)


def test_an_empty_coreset_survives() -> None:
    content = Coreset[str](3, 4, window=5.0).snapshot().to_bytes()
    restored = Coreset.restore(Snapshot.from_bytes(content, str))
    assert (len(restored), restored.capacity, restored.dim) == (0, 3, 4)
    assert restored.offer("a", np.eye(4)[0], time=1.0).outcome == "kept"


def test_numpy_reads_it_without_pickle() -> None:
    coreset = Coreset[str](3, 4)
    coreset.offer("a", np.eye(4)[0])
    content = coreset.snapshot().to_bytes()
    assert content == coreset.snapshot().to_bytes()
    assert content.startswith(b"PK")
    assert FORMAT.encode() in content


def test_what_is_no_snapshot_is_refused() -> None:
    coreset = Coreset[str](3, 4)
    coreset.offer_block("abc", np.eye(4, dtype=np.float32)[:3])
    content = coreset.snapshot().to_bytes()
    other = content.replace(FORMAT.encode(), FORMAT.encode()[:-1] + b"9")
    broken = [b"", b"PK\x03\x04", content[: len(content) // 2], content[:-30], other]
    broken.append(content.replace(b'"floor"', b'"flour"'))
    for bad in broken:
        with pytest.raises(RecordError):
            Snapshot.from_bytes(bad, str)


def test_times_that_were_never_given_stay_unknown() -> None:
    coreset = Coreset[str](3, 4)
    coreset.offer("a", np.eye(4)[0])
    restored = Coreset.restore(Snapshot.from_bytes(coreset.snapshot().to_bytes(), str))
    assert restored.centers()[0].last_time is None
    assert math.isnan(restored.snapshot().points[0].time)
