"""Converts decisions of a coreset and refusals of the prefilter to verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamsel.coreset.distance import are_unit
from streamsel.coreset.values import CenterAdded, Change, Decision
from streamsel.decisions import Event, Evicted, Kept, Verdict
from streamsel.frame import Candidate, Frame, FrameKey

INVALID_EMBEDDING = "invalid-embedding"
"""Refusal reason of a candidate with an embedding that is not a finite unit vector."""


def refusal(candidate: Candidate) -> str | None:
    """Return why ``candidate`` is refused (by the prefilter, or an invalid embedding), or None."""
    if candidate.embedding is None:
        return candidate.prefiltered.refusal or INVALID_EMBEDDING
    return None if are_unit(candidate.embedding[None])[0] else INVALID_EMBEDDING


def refused(candidate: Candidate, reason: str | None = None) -> Verdict:
    """Return the verdict that refuses ``candidate``, for ``reason`` or its own :func:`refusal`."""
    return Verdict(
        candidate=candidate,
        outcome="refused",
        reason=reason or refusal(candidate) or INVALID_EMBEDDING,
        distance=None,
        nearest=None,
        threshold=None,
    )


def kept(
    candidate: Candidate,
    reason: str,
    distance: float | None,
    nearest: FrameKey | None,
    threshold: float,
    evictions: Sequence[Evicted] = (),
) -> Verdict:
    """Return the verdict that keeps ``candidate``, with its event and then ``evictions``."""
    event = Kept(
        frame=candidate.frame,
        distance=distance,
        nearest=nearest,
        threshold=threshold,
        reason=reason,
    )
    return Verdict(
        candidate=candidate,
        outcome="kept",
        reason=reason,
        distance=distance,
        nearest=nearest,
        threshold=threshold,
        events=(event, *evictions),
    )


def verdict_of(candidate: Candidate, decision: Decision[Frame]) -> Verdict:
    """Return a coreset's decision on a candidate as a verdict."""
    if decision.outcome == "refused":
        return refused(candidate, INVALID_EMBEDDING)
    return Verdict(
        candidate=candidate,
        outcome="kept" if decision.outcome == "kept" else "covered",
        reason=decision.reason,
        distance=decision.distance,
        nearest=None if decision.nearest is None else decision.nearest.key,
        threshold=decision.threshold,
        events=events_of(decision.changes),
    )


def events_of(changes: Iterable[Change[Frame]]) -> tuple[Event, ...]:
    """Return the changes of a coreset as events."""
    return tuple(_event(change) for change in changes)


def _event(change: Change[Frame]) -> Event:
    if isinstance(change, CenterAdded):
        return Kept(
            frame=change.key,
            distance=change.distance,
            nearest=None if change.nearest is None else change.nearest.key,
            threshold=change.threshold,
            reason=change.reason,
            embedding=change.vector,
        )
    return Evicted(
        frame=change.key,
        by=None if change.by is None else change.by.key,
        distance=change.distance,
        reason=change.reason,
    )
