"""Runs one selector per feed on a stream that reads feeds one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from streamsel.decisions import Verdict
from streamsel.frame import Candidate, FrameKey
from streamsel.interfaces.selectors import Selector


class PerFeedSelector:
    """Routes each feed to a selector of its own, and finishes it when the next feed begins.

    Feeds must not be interleaved; then verdicts come out in stream order.
    """

    def __init__(self, make: Callable[[str], Selector]) -> None:
        """``make`` builds the selector of a feed from the feed's name."""
        self._make = make
        self._current: tuple[str, Selector] | None = None
        self._kept: list[FrameKey] = []
        self._warnings: dict[str, str] = {}

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        """The kept frames, ordered by key."""
        current = () if self._current is None else self._current[1].kept
        return tuple(sorted([*self._kept, *current]))

    @property
    def warnings(self) -> Mapping[str, str]:
        """What users must know about the decisions so far, by feed."""
        current = {} if self._current is None else self._current[1].warnings
        return {**self._warnings, **current}

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Add the next candidates of the stream; return the verdicts that are now certain."""
        verdicts: list[Verdict] = []
        for feed, group in groupby(candidates, key=lambda candidate: candidate.frame.key.feed):
            if self._current is None or self._current[0] != feed:
                verdicts += self.finish()
                self._current = feed, self._make(feed)
            verdicts += self._current[1].judge(list(group))
        return verdicts

    def finish(self) -> list[Verdict]:
        """End the stream or its current feed: return all outstanding verdicts."""
        if self._current is None:
            return []
        _, selector = self._current
        verdicts = selector.finish()
        self._kept += selector.kept
        self._warnings |= selector.warnings
        self._current = None
        return verdicts
