"""Every method on the same frames: what a selection is worth on one's own video."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from streamsel.build.collection import build_collection
from streamsel.config.options import RunOptions
from streamsel.coreset.comparison import Row, compare
from streamsel.frame import Candidate
from streamsel.interfaces import Observer
from streamsel.runtime.execute import execute


@dataclass(frozen=True, slots=True)
class Table:
    """The rows for one input, or for several taken together. ``count`` frames were asked for."""

    inputs: tuple[str, ...]
    frames: int
    count: int
    embedder: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The inputs in one line."""
        names = ", ".join(self.inputs[:3])
        more = len(self.inputs) - 3
        return f"{names} and {more} more" if more > 0 else names

    def as_json(self) -> dict[str, object]:
        """The table under its published names."""
        return {
            "input": self.inputs[0] if len(self.inputs) == 1 else list(self.inputs),
            "count": self.count,
            "embedder": self.embedder,
            "rows": [row.as_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """The tables; ``unusable`` inputs could not be opened, ``failed`` ones not read to the end."""

    tables: tuple[Table, ...]
    unusable: tuple[str, ...]
    failed: tuple[str, ...]
    complete: bool


def compare_inputs(
    inputs: Sequence[str],
    options: RunOptions,
    *,
    per_input: bool = False,
    observers: Sequence[Observer] = (),
) -> Compared:
    """Embed every frame of the inputs and select among them by every method.

    All inputs make one table, or with ``per_input`` one each. Holds all vectors in memory. Raises
    :class:`StreamselError` as a selection does.
    """
    collection = build_collection(inputs, options, observers=observers)
    complete = execute(collection.pipeline)
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in collection.candidates:
        groups[candidate.frame.key.feed if per_input else ""].append(candidate)
    tables = []
    for group in groups.values():
        rows = compare(
            group,
            count := options.select.target(len(group)),
            near_duplicate=options.select.near_duplicate,
            look_ahead=options.select.look_ahead,
            seed=options.select.seed,
        )
        feeds = tuple(dict.fromkeys(candidate.frame.key.feed for candidate in group))
        tables.append(Table(feeds, len(group), count, collection.embeddings.name, tuple(rows)))
    return Compared(
        tables=tuple(tables),
        unusable=tuple(str(error) for error in collection.errors),
        failed=tuple(report.error for report in collection.reports if report.error is not None),
        complete=complete,
    )
