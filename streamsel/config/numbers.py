"""Numeric field types of a configuration, with units and bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamsel.config import units
from streamsel.config.fields import Kind
from streamsel.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class _Measure:
    """A kind of number: its noun, in one word too, parser and writer."""

    noun: str
    word: str
    parse: Callable[[str], float]
    write: Callable[[Any], object] = lambda number: number
    is_whole: bool = False


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError("not a number; it must be a number") from None


def _parse_whole(text: str) -> float:
    if not re.fullmatch(r"[+-]?\d{1,19}", text.strip()):
        raise ConfigurationError("not whole; it must be a whole number")
    return int(text)


_NUMBER = _Measure("number", "number", _parse_float)
_WHOLE = _Measure("whole number", "integer", _parse_whole, is_whole=True)
_SECONDS = _Measure("duration", "duration", units.seconds, units.write_seconds)
_BYTES = _Measure("number of bytes", "bytes", units.size_bytes, units.write_bytes, is_whole=True)
_SHARE = _Measure("share", "share", units.share)


def number(
    least: float | None = None, most: float | None = None, *, above: float | None = None
) -> Kind:
    """Return the type of finite numbers, with inclusive bounds ``least`` and ``most``."""
    return _measured(_NUMBER, least, most, above)


def whole(least: int, most: int | None = None) -> Kind:
    """Return the type of whole numbers from ``least`` to ``most``."""
    return _measured(_WHOLE, least, most)


def seconds(
    least: float | None = None, most: float | None = None, *, above: float | None = None
) -> Kind:
    """Return the type of durations in seconds, with inclusive bounds ``least`` and ``most``."""
    return _measured(_SECONDS, least, most, above)


def size_bytes(least: int) -> Kind:
    """Return the type of sizes of at least ``least`` bytes."""
    return _measured(_BYTES, least)


def share() -> Kind:
    """Return the type of shares, written as a number or a percentage."""
    return _measured(_SHARE, most=1, above=0)


def _measured(
    measure: _Measure,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> Kind:
    bounds = _bounds(measure, least, most, above)

    def read(value: object, folder: Path) -> object:
        found = measure.parse(value) if isinstance(value, str) else value
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ConfigurationError(f"wrong kind; it must be a {measure.noun}")
        fits = (
            math.isfinite(found)
            and (least is None or found >= least)
            and (above is None or found > above)
            and (most is None or found <= most)
        )
        if not fits:
            raise ConfigurationError(f"out of bounds; it must be a {measure.noun} {bounds}")
        if measure.is_whole and found != int(found):
            raise ConfigurationError("not whole; it must be a whole number")
        return int(found) if measure.is_whole else float(found)

    names = {"minimum": least, "exclusiveMinimum": above, "maximum": most}
    numeric = {
        "type": "integer" if measure.is_whole else "number",
        **{name: limit for name, limit in names.items() if limit is not None},
    }
    schema = {"anyOf": [numeric, {"type": "string"}]}
    return Kind(f"{measure.noun} {bounds}", read, measure.write, schema, measure.word)


def _bounds(measure: _Measure, least: float | None, most: float | None, above: float | None) -> str:
    if least is not None and most is not None:
        return f"from {_told(measure, least)} to {_told(measure, most)}"
    limits = (("of at least", least), ("above", above), ("at most", most))
    told = [f"{word} {_told(measure, limit)}" for word, limit in limits if limit is not None]
    return " and ".join(told)


def _told(measure: _Measure, limit: float) -> str:
    written = measure.write(limit)
    return written if isinstance(written, str) else f"{written:,}"


def floor(most: float) -> Kind:
    """Return the type of near-duplicate distances: ``auto``, or 0 to ``most``."""
    distance = number(0, most)
    told = f"auto, or a {distance.told}"

    def read(value: object, folder: Path) -> object:
        if value == "auto":
            return value
        try:
            return distance.read(value, folder)
        except ConfigurationError:
            raise ConfigurationError(f"no distance; it must be {told}") from None

    schema = {"anyOf": [*distance.schema["anyOf"], {"const": "auto"}]}
    return Kind(told, read, distance.write, schema, "auto|distance")
