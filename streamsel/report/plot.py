"""Plots a comparison with matplotlib, which only this module imports."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from streamsel.errors import ConfigurationError, SinkError
from streamsel.evaluation.comparison import ComparisonRow

_SUFFIXES = frozenset({".png", ".svg", ".pdf"})
_COLOURS = {
    "original": "#9aa0a6",
    "uniform": "#c58b2a",
    "random": "#b0656d",
    "online": "#2a6fb0",
    "two-pass": "#2f8f5b",
}


def check_plot(path: Path) -> None:
    """Check that a plot can be written, before any frame is read.

    Raises :class:`ConfigurationError` for an unknown suffix or if matplotlib is missing.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(
            f"{path}: cannot plot to {path.suffix or 'a file without suffix'!r}; "
            f"use one of {', '.join(sorted(_SUFFIXES))}"
        )
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path}: there is no folder {path.parent}; make it first")
    if find_spec("matplotlib") is None:
        raise ConfigurationError(
            "plotting needs matplotlib, which is not installed; pip install 'streamsel[plot]'"
        )


def plot_comparison(rows: Sequence[ComparisonRow], title: str, path: Path) -> None:
    """Plot, by method, the distances between kept frames and the coverage radius.

    Left: the closest pair, and the 10th percentile to the mean of all pairs; more is better.
    Right: the coverage radius with its 99th percentile; less is better. Raises :class:`SinkError`
    if the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    apart, covered = figure.subplots(1, 2)
    names = [f"{row.method}\n{row.count}" for row in rows]
    colours = [_COLOURS[row.method] for row in rows]
    places = range(len(rows))
    apart.bar(places, [row.min for row in rows], color=colours)
    for place, row in zip(places, rows, strict=True):
        apart.vlines(place, row.p10, row.mean, color="#3c4043", linewidth=2)
        apart.plot(place, row.mean, "o", color="#3c4043", markersize=4)
    apart.set_title("Distance between kept frames: closest pair (bar), p10 to mean (line)")
    covered.bar(places, [row.radius for row in rows], color=colours)
    for place, row in zip(places, rows, strict=True):
        covered.hlines(row.radius_p99, place - 0.4, place + 0.4, color="#3c4043", linewidth=2)
    covered.set_title("Farthest seen frame from a kept one (bar), 99th percentile (line)")
    for axes in (apart, covered):
        axes.set_xticks(list(places), names)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(9)
        axes.set_ylabel("L2 distance of unit embeddings")
    figure.suptitle(title)
    try:
        figure.savefig(path)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
