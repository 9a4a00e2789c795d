"""The selector that decides at the end of the stream: two-pass k-center."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from streamsel.coreset.assign import Indices, assign
from streamsel.coreset.greedy import farthest_first
from streamsel.coreset.refine import best_of_starts
from streamsel.coreset.spread import Scenes, spread_first
from streamsel.coreset.values import BurstLimit
from streamsel.decisions import Evicted, Verdict
from streamsel.frame import Candidate, Frame, FrameKey, PrefilterState, Vectors
from streamsel.selection.origins import Origins
from streamsel.selection.verdicts import kept, refusal, refused

_HELD_PER_CANDIDATE = 4


class TwoPassSelector:
    """Sees all candidates before it decides: the best final set of ``count`` frames.

    Candidates wait until :meth:`finish`, which chooses among all of them with
    :func:`~streamsel.coreset.refine.best_of_starts`. Every candidate is then within ``max(2.04 *
    OPT, min_distance)`` of a kept frame, where OPT is the smallest radius that any ``count``
    centers reach. Only frames of the final set are ever kept.

    Memory stays bounded for streams of more than ``chunk`` candidates: a full chunk is reduced to
    the farthest-first coreset of its candidates that are not within ``min_distance`` of an earlier
    representative. Its verdicts come out, and its ``count`` representatives are kept provisionally.
    The end chooses among the last chunk and all representatives at once, and its last verdict
    evicts the losers. Every candidate is then within ``2 * max(2.04 * OPT, min_distance)`` of a
    kept frame (Ceccarello, Pietracaprina, Pucci 2019, for the composition).

    Where feeds count as fixed at the end of a chunk, all of their frames weigh by what changed in
    the picture; there, or anywhere with a given ``burst``, the choice is :func:`~streamsel.coreset.
    spread.spread_first`, and the bounds hold for the kept frames and their weights only: a frame
    may be farther away than that if it weighs less, or is of a burst that has its frames.

    No two finally kept frames are within ``min_distance``. Decisions depend only on the stream, not
    on its batches. Memory: ``chunk`` candidates with the refused frames between them (four times
    ``chunk`` of which also close a chunk), and ``count`` representatives per chunk; no thumbnails.
    Cost: a chunk of N candidates with C representatives so far is O(N (count + C) D).
    """

    def __init__(
        self,
        count: int,
        *,
        min_distance: float = 0.0,
        chunk: int = 32_768,
        burst: BurstLimit | None = None,
    ) -> None:
        """Keep at most ``count`` frames; ``chunk`` must be at least ``count``.

        ``burst`` limits the frames of a stretch of time; None: no limit.

        Raises :class:`ValueError` otherwise.
        """
        if not 1 <= count <= chunk:
            raise ValueError(f"count is {count}; it must be in 1..{chunk}, the size of a chunk")
        self._count = count
        self._min_distance = min_distance
        self._chunk = chunk
        self._burst = burst
        self._origins = Origins()
        self._waiting: list[tuple[Candidate, bool]] = []  # with whether it can be measured
        self._measurable = 0
        self._representatives: list[Candidate] = []

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""
        return _keys(one.frame for one in self._representatives)

    @property
    def warnings(self) -> Mapping[str, str]:
        """None: no distance is calibrated."""
        return {}

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Add the next candidates; return verdicts only when a chunk is full."""
        verdicts: list[Verdict] = []
        for candidate in candidates:
            # A full chunk waits for the next candidate, so that at the end there is an outstanding
            # verdict for the evictions.
            if (
                self._measurable >= self._chunk
                or len(self._waiting) >= _HELD_PER_CANDIDATE * self._chunk
            ):
                verdicts += self._reduce()
            self._origins.newly_fixed([candidate])
            self._hold(candidate)
        return verdicts

    def _hold(self, candidate: Candidate) -> None:
        """Add a candidate to the chunk; of each feed only the newest keeps its state.

        A chunk's verdicts come out together, and no earlier state is ever needed.
        """
        if self._waiting and self._waiting[-1][0].frame.key.feed == candidate.frame.key.feed:
            last, measurable = self._waiting[-1]
            bare = replace(last.prefiltered, state=PrefilterState())
            self._waiting[-1] = (replace(last, prefiltered=bare), measurable)
        measurable = refusal(candidate) is None
        prefiltered = replace(candidate.prefiltered, thumbnail=None)
        self._waiting.append((replace(candidate, prefiltered=prefiltered), measurable))
        self._measurable += measurable

    def finish(self) -> list[Verdict]:
        """Choose among all candidates; return all outstanding verdicts."""
        if not self._waiting:
            return []
        earlier, mine = self._representatives, self._candidates()
        members = [*earlier, *mine]
        vectors = _stack(members)
        positions = np.sort(self._choose(members, vectors)).tolist()
        self._representatives = [members[position] for position in positions]
        survivors = [members[position] for position in positions if position < len(earlier)]
        admitted = [position - len(earlier) for position in positions if position >= len(earlier)]
        verdicts = self._verdicts(mine, survivors, admitted)
        gone = sorted(set(range(len(earlier))).difference(positions))
        found = assign(vectors[gone], vectors[positions]) if gone else None
        evictions = () if found is None else tuple(
            Evicted(
                frame=earlier[position].frame,
                by=members[positions[found.nearest[row]]].frame.key,
                distance=float(found.distances[row]),
                reason="merged",
            )
            for row, position in enumerate(gone)
        )  # fmt: skip
        verdicts[-1] = replace(verdicts[-1], events=verdicts[-1].events + evictions)
        return verdicts

    def _choose(self, members: Sequence[Candidate], vectors: Vectors) -> Indices:
        """Return the positions of the frames to keep."""
        scenes = self._scenes(members)
        if scenes is None:
            least = self._min_distance
            return best_of_starts(vectors, self._count, min_distance=least).indices
        return spread_first(
            vectors, scenes, self._count, self._burst, min_distance=self._min_distance
        )

    def _scenes(self, members: Sequence[Candidate]) -> Scenes | None:
        """Return what the frames weigh and where bursts are limited; None: nothing, nowhere."""
        origins = [self._origins.of(one) for one in members]
        everywhere = self._burst is not None and self._burst.seconds is not None
        if not everywhere and not any(origin.fixed for origin in origins):
            return None
        return Scenes(
            weights=np.array([one.weight if one.fixed else 1.0 for one in origins]),
            feeds=np.array([one.feed for one in origins], np.int64),
            times=np.array([one.frame.media_time for one in members]),
            limited=np.array([everywhere or one.fixed for one in origins], np.bool_),
        )

    def _reduce(self) -> list[Verdict]:
        """Reduce the waiting chunk to representatives; return its verdicts."""
        earlier, mine = self._representatives, self._candidates()
        vectors = _stack(mine)
        fresh = np.arange(len(mine))
        if earlier and mine:
            fresh = np.flatnonzero(assign(vectors, _stack(earlier)).distances > self._min_distance)
        scenes = self._scenes([mine[row] for row in fresh])
        least = self._min_distance
        if scenes is None:
            chosen = farthest_first(vectors[fresh], self._count, min_distance=least).indices
        else:
            # Only the end knows how far apart the frames are to be in time.
            chosen = spread_first(vectors[fresh], scenes, self._count, None, min_distance=least)
        admitted = np.sort(fresh[chosen]).tolist()
        self._representatives = [*earlier, *(mine[position] for position in admitted)]
        return self._verdicts(mine, earlier, admitted)

    def _candidates(self) -> list[Candidate]:
        return [candidate for candidate, measurable in self._waiting if measurable]

    def _verdicts(
        self, mine: list[Candidate], earlier: list[Candidate], admitted: list[int]
    ) -> list[Verdict]:
        """Return the verdicts of all waiting candidates and release them.

        ``mine`` are the measurable ones, ``admitted`` the ascending positions of those kept now,
        ``earlier`` the kept frames that stay.
        """
        explained = iter(self._explain(mine, earlier, admitted))
        verdicts = [
            next(explained) if measurable else refused(candidate)
            for candidate, measurable in self._waiting
        ]
        self._waiting, self._measurable = [], 0
        return verdicts

    def _explain(
        self, mine: list[Candidate], earlier: list[Candidate], admitted: list[int]
    ) -> list[Verdict]:
        """Return the verdicts of ``mine``, in order."""
        if not mine:
            return []
        standing = [*earlier, *(mine[position] for position in admitted)]
        vectors = _stack(standing)
        found = assign(_stack(mine), vectors)
        radius = float(found.distances.max())
        kept: dict[int, Verdict] = {}
        for number, position in enumerate(admitted, start=len(earlier)):
            kept[position] = self._keep(standing, vectors, number)
        verdicts: list[Verdict] = []
        for position, candidate in enumerate(mine):
            if position in kept:
                verdicts.append(kept[position])
                continue
            distance = float(found.distances[position])
            duplicate = distance <= self._min_distance
            verdicts.append(
                Verdict(
                    candidate=candidate,
                    outcome="covered",
                    reason="near-duplicate" if duplicate else "covered",
                    distance=distance,
                    nearest=standing[found.nearest[position]].frame.key,
                    threshold=self._min_distance if duplicate else radius,
                )
            )
        return verdicts

    def _keep(self, standing: list[Candidate], vectors: Vectors, number: int) -> Verdict:
        """Return the verdict that keeps candidate ``number`` of ``standing``."""
        nearest: FrameKey | None = None
        distance: float | None = None
        if number > 0:
            found = assign(vectors[number : number + 1], vectors[:number])
            nearest = standing[found.nearest[0]].frame.key
            distance = float(found.distances[0])
        return kept(standing[number], "novel", distance, nearest, self._min_distance)


def _keys(frames: Iterable[Frame]) -> tuple[FrameKey, ...]:
    return tuple(sorted(frame.key for frame in frames))


def _stack(candidates: Sequence[Candidate]) -> Vectors:
    """Return the embeddings of measurable candidates, (N, D)."""
    vectors = [one.embedding for one in candidates if one.embedding is not None]
    return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
