"""Draws the tables of the benchmarks: ``python -m tests.bench.plots docs/benchmarks.md``.

Each picture lies in the folder ``images`` beside the page and says in its metadata which tables it
was drawn from, so that a test can tell one that is stale. Needs matplotlib.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

Table = list[dict[str, str]]

_COLOURS = {
    "uniform": "#c58b2a",
    "random": "#b0656d",
    "online": "#2a6fb0",
    "two-pass": "#2f8f5b",
}
_OURS, _THEIRS = "#2a6fb0", "#9aa0a6"
_STYLE: dict[RcKeyType, str | int] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "streamsel",
    "font.size": 9,
}


def tables(page: str, heading: str) -> list[Table]:
    """The tables below a heading, up to the next of its level or above; rows by column."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = page.partition(f"{heading}\n")
    if not found:
        raise ValueError(f"the page lacks {heading!r}")
    section = re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return [_table(block) for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)]


def _table(block: str) -> Table:
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def draw_quality(found: Sequence[Table]) -> Figure:
    """The closest pair and the coverage radius of every clip, by method."""
    rows = found[0]
    clips = list(dict.fromkeys(row["clip"] for row in rows))
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, column, title in (
        (above, "min", "distance of the closest pair of kept frames: higher is better"),
        (below, "radius", "distance of the farthest seen frame from a kept one: lower is better"),
    ):
        for method, colour in _COLOURS.items():
            values = [float(row[column]) for row in rows if row["method"] == method]
            axes.plot(clips, values, "o", color=colour, markersize=5, label=method)
        axes.set_yscale("log")
        axes.set_title(title)
        axes.grid(axis="y", color="#e0e0e0", linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*above.get_legend_handles_labels(), ncols=len(_COLOURS), loc="outside upper left")
    below.tick_params(axis="x", rotation=90)
    return figure


def draw_speed(found: Sequence[Table]) -> Figure:
    """How many times as fast as ffmpeg decodes: whole commands, and without their start-up."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    plots: Sequence[Axes] = figure.subplots(1, len(found))
    for axes, rows, title in zip(plots, found, ("resting camera", "street"), strict=True):
        names = [row["contestant"] for row in rows]
        colours = [_OURS if name.startswith("streamsel") else _THEIRS for name in names]
        whole = [float(row["x wall"]) for row in rows]
        rest = [float(row["x wall, no start"]) for row in rows]
        axes.barh(names, whole, color=colours)
        axes.plot(rest, names, "D", color="#3c4043", markersize=4, label="without start-up")
        axes.axvline(1.0, color="#3c4043", linewidth=1)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.1 * max(whole + rest))
        axes.set_title(f"{title}, 1080p")
        axes.set_xlabel("times as fast as ffmpeg decodes")
        axes.spines[["top", "right"]].set_visible(False)
    plots[0].legend(frameon=False, loc="upper right")
    return figure


def draw_length(found: Sequence[Table]) -> Figure:
    """What a frame costs against the length of the video, by the number of kept frames."""
    rows = found[0]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    for count in dict.fromkeys(row["k"] for row in rows):
        of = [row for row in rows if row["k"] == count]
        lengths = [float(row["minutes"]) for row in of]
        axes.plot(lengths, [float(row["CPU ms/frame"]) for row in of], "o-", label=f"k = {count}")
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 60], ["1 minute", "10", "60"])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("CPU ms a frame")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PLOTS: dict[str, tuple[str, Callable[[Sequence[Table]], Figure]]] = {
    "quality": ("### Every clip", draw_quality),
    "speed": ("## Speed", draw_speed),
    "length": ("## Cost against length and number", draw_length),
}


def drawn_tables(page: str, name: str) -> list[Table]:
    """The tables that the picture of this name shows."""
    heading, _ = PLOTS[name]
    found = tables(page, heading)
    return found if name != "speed" else [one for one in found if "contestant" in one[0]]


def digest(found: Sequence[Table]) -> str:
    """A hash of what is drawn."""
    return hashlib.sha256(json.dumps(list(found)).encode()).hexdigest()[:16]


def main(page: Path) -> None:
    """Draw all that the page has tables for."""
    text = page.read_text()
    for name, (_, draw) in PLOTS.items():
        found = drawn_tables(text, name)
        with rc_context(_STYLE):
            draw(found).savefig(
                page.parent / "images" / f"{name}.svg",
                metadata={"Date": None, "Description": f"tables {digest(found)}"},
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
