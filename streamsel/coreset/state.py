"""What a coreset was asked to do, and how far it has come: all of it but the centers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from streamsel.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of a coreset, within their bounds; see there.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    capacity: int
    dim: int
    floor: float
    hysteresis: float
    window: float | None
    warm_spacing: float
    safety: float

    def __post_init__(self) -> None:
        for name in ("capacity", "dim"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ConfigurationError(
                    f"coreset: {name} is {count!r}; it must be a whole number of at least 1"
                )
        for name, most in (("floor", 2.0), ("warm_spacing", 2.0), ("hysteresis", math.inf)):
            value = getattr(self, name)
            _require_number(name, value)
            if not 0.0 <= value <= most or math.isinf(value):
                bounds = "0 or more" if math.isinf(most) else f"between 0 and {most:g}"
                raise ConfigurationError(f"coreset: {name} is {value!r}; it must be {bounds}")
        for name in ("safety", "window"):
            value = getattr(self, name)
            if name != "window" or value is not None:
                _require_number(name, value)
            if value is not None and not 0.0 < value < math.inf:
                raise ConfigurationError(f"coreset: {name} is {value!r}; it must be above 0")


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigurationError(f"coreset: {name} is {value!r}; it must be a number")


@dataclass(slots=True)
class Progress:
    """The scalars of a coreset that change as the stream goes by.

    ``soft`` is the threshold (before the floor) while the set is not full; ``spacing`` the
    smallest distance of two centers when it last was; ``lower_bound`` a lower bound of the
    optimal radius; ``clock`` the latest time in seconds, -inf before the first. The others count
    frames: all that were offered, rejected ones included; changes; rejected ones.
    """

    soft: float
    spacing: float = 0.0
    lower_bound: float = 0.0
    clock: float = -math.inf
    offered: int = 0
    admitted: int = 0
    evicted: int = 0
    rejected: int = 0
