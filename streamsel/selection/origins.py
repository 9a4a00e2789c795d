"""Which feed a frame comes from, and how much it weighs by what changes in front of its camera."""

from __future__ import annotations

from collections.abc import Iterable

from streamsel.coreset.values import Origin
from streamsel.frame import LIGHTEST, Candidate


class Origins:
    """Numbers the feeds of a stream, and knows which of them count as fixed.

    A feed that once counted as fixed does so forever. Until then its frames weigh 1, as do frames
    of which the change was not measured: for them no feed is fixed.
    """

    def __init__(self, fixed: Iterable[str] = ()) -> None:
        """Start with the feeds that count as ``fixed`` already."""
        self._numbers: dict[str, int] = {}
        self._fixed = set(fixed)

    @property
    def fixed(self) -> list[str]:
        """The feeds that count as fixed, ordered by name."""
        return sorted(self._fixed)

    @property
    def least_weight(self) -> float:
        """A lower bound of the weight of any frame until another feed counts as fixed."""
        return LIGHTEST if self._fixed else 1.0

    def newly_fixed(self, block: Iterable[Candidate]) -> list[int]:
        """Return the numbers of feeds that count as fixed from this block on.

        Those are the feeds with a camera that is fixed at their first embedded frame in the block.
        """
        first = {one.frame.key.feed: one for one in reversed([*block]) if one.embedding is not None}
        new = [
            feed
            for feed, candidate in first.items()
            if feed not in self._fixed and _is_fixed(candidate)
        ]
        self._fixed.update(new)
        return sorted(self._number(feed) for feed in new)

    def of(self, candidate: Candidate) -> Origin:
        """Return the origin of a frame."""
        feed, change = candidate.frame.key.feed, candidate.prefiltered.change
        if change is None:
            return Origin(self._number(feed))
        return Origin(self._number(feed), change.weight, feed in self._fixed)

    def _number(self, feed: str) -> int:
        return self._numbers.setdefault(feed, len(self._numbers))


def _is_fixed(candidate: Candidate) -> bool:
    change = candidate.prefiltered.change
    return change is not None and change.fixed
