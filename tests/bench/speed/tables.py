"""Outcomes as Markdown, and its place between two marks in a page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.speed.measure import Outcome, ratio


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


_OUTCOMES = (
    *(
        "contestant",
        "wall, s",
        "1 s clip, s",
        "x wall",
        "x CPU",
        "x wall, no start",
        "x CPU, no start",
    ),
    *("frames/s", "CPU ms/frame", "peak MB", "pictures"),
)


def outcomes_table(outcomes: Mapping[str, Outcome]) -> str:
    """A row for each contestant; its ratios are how many times faster than the first it is."""
    first = next(iter(outcomes.values()))
    return table(_OUTCOMES, [_row(name, first, one) for name, one in outcomes.items()])


def _row(name: str, first: Outcome, one: Outcome) -> list[str]:
    per_frame = ratio(1000 * one.cpu, one.frames)
    return [
        name,
        f"{one.clip.wall:.2f}",
        f"{one.second.wall:.2f}",
        figure(ratio(first.clip.wall, one.clip.wall)),
        figure(ratio(first.clip.cpu, one.clip.cpu)),
        figure(ratio(first.wall, one.wall)),
        figure(ratio(first.cpu, one.cpu)),
        figure(ratio(one.frames, one.wall), 0),
        figure(per_frame),
        f"{one.clip.peak_mb:.0f}",
        str(one.clip.pictures),
    ]


def figure(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def machine() -> str:
    """What the figures are taken on, and how busy it is with other work just now."""
    load = os.getloadavg()[0]
    cores = f"{os.cpu_count()} cores ({platform.machine()}), load {load:.1f} before"
    return f"{cores}, Python {platform.python_version()}"


def between_marks(page: str, mark: str, body: str) -> str:
    """Return the page with ``body`` between its marks of that name.

    Raises :class:`ValueError` for a page without them.
    """
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no marks; put {begin} and {end} where the tables belong")
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"


def write_between_marks(out: Path, mark: str, body: str) -> None:
    """Replace what a file holds between its marks."""
    out.write_text(between_marks(out.read_text(), mark, body))
