"""History of the coverage of each scope over the last hour."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

STEP_SECONDS = 10.0
_POINTS = 360


@dataclass(frozen=True, slots=True)
class Measurement:
    """Measurements of a scope's coreset at a time (UTC epoch seconds)."""

    time: float
    spacing: float
    coverage: float
    kept: int

    def to_json(self, scope: str) -> dict[str, object]:
        """Return it as sent in the event ``measured``."""
        return {
            "scope": scope,
            "time": self.time,
            "spacing": _finite(self.spacing),
            "coverage": _finite(self.coverage),
            "kept": self.kept,
        }


class History:
    """The newest 360 measurements of each scope: one hour."""

    def __init__(self) -> None:
        self._scopes: dict[str, deque[Measurement]] = {}

    def add(self, scope: str, measurement: Measurement) -> None:
        """Add a measurement."""
        self._scopes.setdefault(scope, deque(maxlen=_POINTS)).append(measurement)

    def keep_only(self, scopes: Mapping[str, object] | set[str]) -> None:
        """Remove scopes that no longer exist."""
        for scope in self._scopes.keys() - set(scopes):
            del self._scopes[scope]

    def to_json(self) -> dict[str, object]:
        """Return everything as for ``/api/history``, one column per quantity."""
        return {
            scope: {
                "times": [each.time for each in measured],
                "spacing": [_finite(each.spacing) for each in measured],
                "coverage": [_finite(each.coverage) for each in measured],
                "kept": [each.kept for each in measured],
            }
            for scope, measured in self._scopes.items()
        }


def _finite(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
