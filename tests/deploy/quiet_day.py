"""A day in which nothing is wrong: what a real Prometheus heard for minutes, again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("quiet_day.json")
STEP_SECONDS = 60
DAY_SECONDS = 24 * 60 * 60

_COUNTS = "_total"


def recorded() -> list[dict[str, Any]]:
    """Each series: its ``labels``, and its ``values`` a minute apart, as text (null: none)."""
    series: list[dict[str, Any]] = json.loads(FILE.read_text())
    return series


def a_day() -> list[dict[str, Any]]:
    """The input series of a ``promtool`` test: the recording, repeated to 24 hours."""
    return [
        {"series": _name(one["labels"]), "values": " ".join(_repeated(one))} for one in recorded()
    ]


def _name(labels: dict[str, str]) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{told}}}"


def _repeated(one: dict[str, Any]) -> list[str]:
    """What counts up goes on where the repetition before ended; the last sample begins the next."""
    *values, end = one["values"]
    counts = one["labels"]["__name__"].endswith(_COUNTS)
    rise = float(end) - float(values[0]) if counts else 0.0
    return [
        _number(values[step % len(values)], rise * (step // len(values)))
        for step in range(DAY_SECONDS // STEP_SECONDS)
    ]


def _number(text: str | None, more: float) -> str:
    """A sample as ``promtool`` wants it."""
    if text is None:
        return "_"
    return repr(float(text) + more) if more else text.removeprefix("+")
