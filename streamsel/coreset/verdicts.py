"""Verdicts that every selector gives alike: what was refused before any distance was measured."""

from __future__ import annotations

from streamsel.coreset.distance import are_unit
from streamsel.event import Verdict
from streamsel.frame import Candidate

INVALID_EMBEDDING = "invalid-embedding"
"""Why a candidate whose embedding is not a finite unit vector is refused."""


def refusal(candidate: Candidate) -> str | None:
    """Why ``candidate`` must not be measured: the screen's reason, a bad embedding, or None."""
    if candidate.embedding is None:
        return candidate.sighting.refusal or INVALID_EMBEDDING
    return None if are_unit(candidate.embedding[None])[0] else INVALID_EMBEDDING


def refused(candidate: Candidate, reason: str | None = None) -> Verdict:
    """Refuse ``candidate`` for ``reason``, or for its own :func:`refusal` where none is given."""
    return Verdict(
        candidate=candidate,
        outcome="refused",
        reason=reason or refusal(candidate) or INVALID_EMBEDDING,
        distance=None,
        nearest=None,
        threshold=None,
    )
