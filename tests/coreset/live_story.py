"""What a live selector has said so far, and whether it can be true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from streamsel.coreset.distance import distances
from streamsel.decisions import Event, Kept, Verdict
from streamsel.frame import Candidate, FrameKey
from streamsel.interfaces.selectors import LiveSelector
from streamsel.selection.online import OnlineSelector


class LiveStory:
    """Replays verdicts and events; knows who stands for whom by them."""

    def __init__(self) -> None:
        self.live: dict[FrameKey, Candidate] = {}
        self.ever: set[FrameKey] = set()
        self.owner: dict[FrameKey, FrameKey | None] = {}
        self.candidates: dict[FrameKey, Candidate] = {}
        self.events: list[Event] = []

    def judge(
        self, selector: LiveSelector, candidates: Sequence[Candidate], batch: int = 1
    ) -> list[Verdict]:
        """Hand candidates over in batches, and believe the verdicts only where they make sense."""
        verdicts: list[Verdict] = []
        for start in range(0, len(candidates), batch):
            part = candidates[start : start + batch]
            self.candidates |= {one.frame.key: one for one in part}
            found = selector.judge(part)
            self.tell(found)
            verdicts += found
        return verdicts

    def tell(self, verdicts: Iterable[Verdict]) -> None:
        verdicts = list(verdicts)
        for verdict in verdicts:
            self.changed(verdict.events)
        for verdict in verdicts:
            if verdict.outcome == "covered":
                self.owner[verdict.frame.key] = verdict.nearest

    def changed(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event)
            key = event.frame.key
            if isinstance(event, Kept):
                assert key not in self.live, f"{key} is kept twice"
                self.live[key] = self.candidates[key]
                self.owner[key] = key
                continue
            del self.live[key]
            assert event.by is None or event.by in self.live
            for covered, owner in self.owner.items():
                if owner == key:
                    self.owner[covered] = event.by

    def check(self, selector: OnlineSelector, coverage: bool = True) -> None:
        """Compare what the selector claims with what it has said."""
        assert selector.kept == tuple(sorted(self.live))
        assert selector.size <= selector.capacity
        assert set(selector.pinned) <= self.live.keys()
        centers = selector.vectors()
        assert len(centers) == selector.size
        present = set(self.representatives(selector))
        assert (selector.redundancy is None) == (len(selector.pinned) == len(self.live))
        if not coverage or not len(centers):
            return
        for key, owner in self.owner.items():
            if owner not in present:
                continue  # an ended period stands for it, or nothing
            away = float(distances(centers, _vector(self.candidates[key])).min())
            assert away <= selector.coverage_bound + 1e-9

    def representatives(self, selector: LiveSelector) -> list[FrameKey]:
        """The kept frames of the selector's vectors, in order; of equal ones, the latest."""
        keys = {_vector(one).tobytes(): key for key, one in self.live.items()}
        return [keys[vector.tobytes()] for vector in selector.vectors()]


def _vector(candidate: Candidate) -> np.ndarray:
    assert candidate.embedding is not None
    return candidate.embedding
