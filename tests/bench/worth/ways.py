"""How the product itself picks frames: by its commands, or replayed from what was recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import streamsel
from streamsel.config.options import RunOptions, run_options
from streamsel.record.reader import Record
from tests.bench.worth.peers import Footage
from tests.bench.worth.tape import kept_of
from tests.end_to_end.service import Service
from tests.polling import eventually

AT_ONCE: Final[Mapping[str, Any]] = {"look_ahead": 1, "calibration": "on-the-way"}
"""Options with which a file is decided as a live feed is."""
_LONGEST_WATCH = 1800.0

Kept = Sequence[Sequence[int]]
"""The kept frames of each of several videos."""


@dataclass(frozen=True, slots=True)
class Way:
    """A command of the product; ``options`` are those of ``select`` that decide like it.

    ``command`` runs it; None: ``select`` with the options does.
    """

    name: str
    options: Mapping[str, Any]
    command: Callable[[Sequence[Footage], int], Kept] | None = None

    def run(self, footage: Sequence[Footage], count: int) -> Kept:
        """What the command keeps of each video."""
        if self.command is not None:
            return self.command(footage, count)
        found = []
        for one in footage:
            selection = streamsel.select(one.path, count=count, progress=False, **self.options)
            found.append(sorted(frame.index for frame in selection.frames))
        return found

    def replayed(self, footage: Sequence[Footage], count: int) -> Kept:
        """What the command would keep, without reading the videos again."""
        return replayed(footage, run_options(self.options), [count])[count]


def replayed(
    footage: Sequence[Footage], options: RunOptions, counts: Sequence[int]
) -> dict[int, list[Sequence[int]]]:
    """What today's prefilter and selector keep of recorded videos, for each count."""
    found: dict[int, list[Sequence[int]]] = {count: [] for count in counts}
    for one in footage:
        candidates = one.tape.candidates(options)
        for count in counts:
            select = replace(options.select, count=count)
            found[count].append(kept_of(candidates, replace(options, select=select)))
    return found


def _watched(footage: Sequence[Footage], count: int) -> Kept:
    """All videos at once, as feeds of one service that reads them as fast as it can."""
    feeds = {
        f"feed-{place}": {"source": f"file:{one.path.resolve()}?pace=0", "count": count}
        for place, one in enumerate(footage)
    }
    with tempfile.TemporaryDirectory() as folder:
        config = {"feeds": feeds, "sinks": {"disk": {"path": "kept"}}}
        with Service(Path(folder), config) as service:
            eventually(
                lambda: {feed["state"] for feed in service.feeds().values()} == {"ended"},
                within=_LONGEST_WATCH,
                what="every video is judged",
            )
            service.stop(within=60)
        with Record.open(Path(folder) / "kept") as record:
            kept = [one.key for one in record.kept()]
    return [sorted(key.index for key in kept if key.feed == feed) for feed in feeds]


WAYS = (
    Way("streamsel select", {}),
    Way("streamsel watch", AT_ONCE, _watched),
    Way(
        "streamsel select --change-weight off --burst off",
        {"change_weight": "off", "burst": "off"},
    ),
    Way("streamsel select --method two-pass", {"method": "two-pass"}),
)
