"""Versions of the rules that determine the results of a run; part of its identity.

Each kind of rule has a number in the run's identity, so that a run is never continued with other
rules than it began with. A change of the written pixels, or of the names of feeds, frames or files,
for the same input must raise the number and be described here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RULES: Final[Mapping[str, int]] = {"pictures": 2, "names": 2}
"""The current rules, used by every new run."""

_FIRST = 1  # of runs started before rules had numbers
_CHANGES: Final[Mapping[tuple[str, int], str]] = {
    ("pictures", 2): (
        "pixels are square, HDR is tone-mapped, the container's crop is applied, and frames that"
        " are only flagged interlaced are converted as progressive ones"
    ),
    ("names", 2): (
        "inputs of the same name get their folders as part of their names, frames without a"
        " timestamp are numbered in the order of the decoder's output, and recordings that begin"
        " within a group of pictures from their first picture on; --fps takes the frames nearest"
        " to its ticks, and the uniform method goes by time"
    ),
}


def other_rules(was: Mapping[str, object], wanted: Mapping[str, object]) -> list[str]:
    """Return in which rules a recorded run differs from a new one; empty if in none.

    Both are the ``rules`` of their identities; empty for a run that was started before rules had
    numbers.

    >>> other_rules({"names": 2, "pictures": 1}, {"names": 2, "pictures": 1})
    []
    >>> other_rules({"names": 7}, {"names": 8})
    ['its names follow rules 7, this version has rules 8']
    """
    return [
        f"its {kind} follow rules {old}, this version has rules {new}{_changed(kind, old, new)}"
        for kind in sorted(was.keys() | wanted.keys())
        if (old := was.get(kind, _FIRST)) != (new := wanted.get(kind, _FIRST))
    ]


def _changed(kind: str, old: object, new: object) -> str:
    """Return the changes between the rules, in brackets; empty if unknown."""
    if not (isinstance(old, int) and isinstance(new, int)):
        return ""
    between = range(min(old, new) + 1, max(old, new) + 1)
    texts = [text for number in between if (text := _CHANGES.get((kind, number)))]
    since = "since then" if old < new else "not yet here"
    return f" ({since}: {'; '.join(texts)})" if texts else ""
