"""The table of docs/reference/metrics.md: ``python -m tests.metrics.reference`` prints it."""

from __future__ import annotations

import re

from streamsel.metrics.observer import Metrics
from tests.metrics.scenario import busy_metrics

_HELP = re.compile(r"^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)\n((?:[^#].*\n)*)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="')
_UNITS = {"seconds": "seconds", "bytes": "bytes", "distance": "0 to 2", "radius": "0 to 2"}
_MORE_UNITS = {"streamsel_coreset_spacing": "0 to 2", "process_cpu_seconds_total": "seconds"}


def table(metrics: Metrics) -> str:
    rows = ["| metric | type | labels | unit | meaning |", "|---|---|---|---|---|"]
    for name, meaning, kind, lines in _HELP.findall(metrics.exposition().decode()):
        labels = sorted(set(_LABEL.findall(lines)) - {"le"})
        shown = ", ".join(f"`{label}`" for label in labels)
        unit = _MORE_UNITS.get(name) or _UNITS.get(name.rpartition("_")[2], "")
        rows.append(f"| `{name}` | {kind} | {shown} | {unit} | {meaning} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(busy_metrics()))
