from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.worth.camera import FixedCamera
from tests.bench.worth.media import made
from tests.bench.worth.peers import (
    PEERS,
    Footage,
    NotRunError,
    Peer,
    exactly,
    facility_location,
    highest_apart,
)
from tests.bench.worth.tape import recorded
from tests.coreset.orders import order


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    cache = tmp_path_factory.mktemp("worth")
    media = made(FixedCamera(2, seconds=80, fps=1, events=2), cache)
    return Footage(media.path, recorded(media.path, cache), cache / "picks")


HERE = [peer for peer in PEERS if peer.name not in {"PySceneDetect", "video-sampler"}]


@pytest.mark.parametrize("peer", HERE, ids=lambda peer: peer.name)
@pytest.mark.parametrize("count", [7, 30])
def test_a_peer_picks_exactly_as_many_frames(peer: Peer, footage: Footage, count: int) -> None:
    chosen = peer.pick(footage, count, 0)
    assert len(chosen) == count
    assert list(chosen) == sorted(set(chosen))
    assert min(chosen) >= 0
    assert max(chosen) < len(footage)


@pytest.mark.parametrize("name", ["PySceneDetect", "video-sampler"])
def test_a_peer_that_is_not_installed_says_so(name: str, footage: Footage, tmp_path: Path) -> None:
    peer = next(peer for peer in PEERS if peer.name == name)
    with pytest.raises(NotRunError, match="is not installed; see --peers"):
        peer.picked(Footage(footage.path, footage.tape, tmp_path, programs=tmp_path), 7, 0)
    assert not list(tmp_path.iterdir())


def test_what_was_picked_is_remembered_by_all_that_it_depends_on(
    footage: Footage, tmp_path: Path
) -> None:
    asked: list[tuple[int, int]] = []

    def pick(shown: Footage, count: int, seed: int) -> list[int]:
        asked.append((count, seed))
        return list(range(count))

    here = Footage(footage.path, footage.tape, tmp_path / "picks")
    peer = Peer("somebody", pick)
    assert [peer.picked(here, 3, 0) for _ in range(2)] == [[0, 1, 2], [0, 1, 2]]
    peer.picked(here, 3, 1)
    peer.picked(here, 4, 0)
    Peer("another", pick).picked(here, 3, 0)
    assert asked == [(3, 0), (3, 1), (4, 0), (3, 0)]


def test_scene_scores_are_ffmpegs(footage: Footage) -> None:
    assert footage.scene_scores.shape == (80,)
    assert 0.0 < footage.scene_scores.max() <= 1.0


def test_too_many_are_thinned_evenly_and_too_few_filled_up() -> None:
    assert exactly(range(100), 4, 200) == [12, 37, 62, 87]
    assert exactly([5], 3, 10) == [2, 5, 7]
    assert exactly([5, 5, 1], 2, 10) == [1, 5]
    assert exactly([0], 9, 3) == [0, 1, 2]


def test_the_highest_keep_their_distance() -> None:
    scores = np.array([9.0, 1.0, 8.0, 7.0, 0.0, 6.0])
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    assert highest_apart(scores, times, 2, 0.6) == [2, 5]
    assert highest_apart(scores, times, 9, 2.0) == [2]


def test_facility_location_is_the_greedy_one() -> None:
    vectors = order("random", 60, 5, seed=4)
    similar = np.maximum(vectors @ vectors.T, 0)
    chosen = facility_location(vectors, 4)

    def value(some: list[int]) -> float:
        return float(similar[:, some].max(axis=1).sum())

    greedy: list[int] = []
    for _ in range(4):
        greedy.append(max(range(60), key=lambda one: value([*greedy, one])))
    assert chosen == sorted(greedy)
