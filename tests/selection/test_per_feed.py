"""A selector for each feed: as if each had been selected from alone."""

from __future__ import annotations

import numpy as np
import pytest

from streamsel.decisions import Verdict
from streamsel.frame import Candidate, FrameKey
from streamsel.interfaces.selectors import Selector
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.selection.per_feed import PerFeedSelector
from streamsel.selection.two_pass import TwoPassSelector
from tests.coreset.candidates import candidate


def feed(name: str, count: int, seed: int) -> list[Candidate]:
    vectors = np.random.default_rng(seed).normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        candidate(index, vector.astype(np.float32), feed=name)
        for index, vector in enumerate(vectors)
    ]


def outcomes(verdicts: list[Verdict]) -> list[tuple[object, ...]]:
    return [(one.frame.key, one.outcome, one.reason, one.distance) for one in verdicts]


@pytest.mark.parametrize("batch", [1, 7, 1000])
@pytest.mark.parametrize("kind", ["online", "two-pass"])
def test_feeds_do_not_know_of_each_other(kind: str, batch: int) -> None:
    def make(_: str) -> Selector:
        if kind == "two-pass":
            return TwoPassSelector(5)
        return OnlineSelector(Budget(count=5), 8, calibration="held-back", look_ahead=32)

    feeds = [feed("b", 150, 1), feed("a", 40, 2), feed("c", 3, 3)]
    expected: list[Verdict] = []
    kept: list[FrameKey] = []
    for frames in feeds:
        alone = make("")
        expected += [*alone.judge(frames), *alone.finish()]
        kept += alone.kept
    selector = PerFeedSelector(make)
    stream = [one for frames in feeds for one in frames]
    verdicts = [
        verdict
        for begin in range(0, len(stream), batch)
        for verdict in selector.judge(stream[begin : begin + batch])
    ]
    verdicts += selector.finish()
    assert outcomes(verdicts) == outcomes(expected)
    assert selector.kept == tuple(sorted(kept))
