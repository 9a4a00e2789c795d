"""The comparison as a table on a terminal or in a log."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from streamsel.coreset.comparison import Row

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


_LOG_WIDTH = 120


def wide_console() -> Console:
    """A console on stdout that does not fold tables where there is no terminal."""
    width = None if sys.stdout.isatty() else _LOG_WIDTH
    return Console(highlight=False, emoji=False, markup=False, width=width)


def print_comparison(rows: Sequence[Row], console: Console) -> None:
    """Print a row a method; L2 is between kept frames, radius from seen to kept frames."""
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


def _figure(value: float) -> str:
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and value > 2):
        return f"{int(value):,}"
    return f"{value:.4f}" if math.isfinite(value) else "-"
