"""Prints comparison tables on a terminal or to a log."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from streamsel.evaluation.comparison import ComparisonRow
from streamsel.evaluation.decode_cost import DecodeRow, FrameCover

_COLUMNS = {
    "frames": "count",
    "L2 mean": "mean",
    "L2 min": "min",
    "L2 max": "max",
    "L2 p10": "p10",
    "L2 p90": "p90",
    "radius": "radius",
    "radius p99": "radius_p99",
    "admitted": "admitted",
}

_COVER_COLUMNS = {
    "kept": "count",
    "L2 min": "min",
    "radius": "radius",
    "radius p99": "radius_p99",
}
_DECODE_COLUMNS = ("frames", "share", "seconds", "faster", "CPU s")
_DECODE_NOTE = (
    "seconds: of reading and embedding, one way after another; faster: times as fast as all\n"
    "radius: from the farthest of all frames, as decoded in full, to its nearest kept one\n"
    "missed: share of all frames farther from a kept one than the radius of all\n"
)

_LOG_WIDTH = 120


def wide_console() -> Console:
    """Return a console on stdout that does not wrap tables without a terminal."""
    width = None if sys.stdout.isatty() else _LOG_WIDTH
    return Console(highlight=False, emoji=False, markup=False, width=width)


def print_comparison(rows: Sequence[ComparisonRow], console: Console) -> None:
    """Print one row per method; L2 is between kept frames, radius from seen to kept frames."""
    table = Table(box=None, pad_edge=False)
    table.add_column("method")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for row in rows:
        ours = row.method in {"online", "two-pass"}
        table.add_row(
            row.method,
            *(_figure(getattr(row, name)) for name in _COLUMNS.values()),
            style="bold" if ours else "",
        )
    console.print(table)


def print_decode_costs(rows: Sequence[DecodeRow], console: Console) -> None:
    """Print two lines per way of decoding: the results of both our methods on its frames."""
    table = Table(box=None, pad_edge=False)
    table.add_column("decode")
    for heading in _DECODE_COLUMNS:
        table.add_column(heading, justify="right")
    table.add_column("method")
    for heading in (*_COVER_COLUMNS, "/ all's", "missed"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.decode,
            f"{row.frames:,}",
            _percent(row.share),
            f"{row.spent.seconds:,.2f}",
            f"{row.speed:.2f}x" if math.isfinite(row.speed) else "-",
            f"{row.spent.cpu_seconds:,.2f}",
            "online",
            *_cover_figures(row.online),
            style="bold",
        )
        blank = ("",) * (1 + len(_DECODE_COLUMNS))
        table.add_row(*blank, "two-pass", *_cover_figures(row.two_pass))
    console.print()
    console.print(table)
    console.print(_DECODE_NOTE)


def _cover_figures(cover: FrameCover) -> list[str]:
    """Return the cells with the figures of a selection."""
    ratio = f"{cover.radius_ratio:.2f}" if math.isfinite(cover.radius_ratio) else "-"
    figures = [_figure(getattr(cover, name)) for name in _COVER_COLUMNS.values()]
    return [*figures, ratio, _percent(cover.missed)]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _figure(value: float) -> str:
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and value > 2):
        return f"{int(value):,}"
    return f"{value:.4f}" if math.isfinite(value) else "-"
