"""Writes JSON for others to read: RFC 8259, which has no NaN and no infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence


def json_text(
    value: object, *, compact: bool = False, ascii_only: bool = True, indent: int | None = None
) -> str:
    """Return a value as JSON; numbers that are not finite become null.

    ``compact`` leaves out the blanks. Otherwise as :func:`json.dumps`.

    >>> json_text({"spacing": 0.25, "radius": [math.inf, math.nan]})
    '{"spacing": 0.25, "radius": [null, null]}'
    """
    separators = (",", ":") if compact else None

    def written(value: object) -> str:
        return json.dumps(
            value, ensure_ascii=ascii_only, separators=separators, indent=indent, allow_nan=False
        )

    try:
        return written(value)
    except ValueError:
        return written(_finite(value))


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(part) for part in value]
    return value
