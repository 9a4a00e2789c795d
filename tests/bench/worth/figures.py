"""What a selection is worth: the events that it shows, and what else it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.worth.truth import Truth, events_of


@dataclass(frozen=True)
class Worth:
    """Of one selection of one video.

    ``found`` of ``events`` have a kept frame; ``kinds`` counts the kept frames by
    :attr:`Truth.kind`.
    """

    found: int
    events: int
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the events; 1 where there are none."""
        return self.found / self.events if self.events else 1.0


def worth_of(truth: Sequence[Truth], kept: Iterable[int]) -> Worth:
    """Compare kept frames, given by their indices, with the truth."""
    chosen = [truth[index] for index in kept]
    kinds = Counter(frame.kind for frame in chosen)
    return Worth(len(events_of(chosen)), len(events_of(truth)), kinds)


def together(parts: Iterable[Worth]) -> Worth:
    """The sum over several videos."""
    all_parts = list(parts)
    kinds: Counter[str] = Counter()
    for one in all_parts:
        kinds.update(one.kinds)
    return Worth(
        sum(one.found for one in all_parts), sum(one.events for one in all_parts), dict(kinds)
    )


def median_of(draws: Sequence[Worth]) -> Worth:
    """The draw in the middle by events found; where there are two, the lower."""
    ordered = sorted(draws, key=lambda one: one.found)
    return ordered[(len(ordered) - 1) // 2]


def median_share(parts: Sequence[Worth]) -> float:
    """The share of events found in the middle one of several videos."""
    return median(one.share for one in parts)


def told(kinds: Mapping[str, int]) -> str:
    """The kinds of kept frames but events, the most frequent first."""
    others = sorted((-number, kind) for kind, number in kinds.items() if kind != "event")
    return ", ".join(f"{kind} {-number}" for number, kind in others)
