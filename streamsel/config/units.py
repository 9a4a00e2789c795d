"""Parses and formats durations, sizes and shares."""

from __future__ import annotations

import re
from decimal import Decimal

from streamsel.errors import ConfigurationError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d)")
_BYTES = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([kKMGT]i?)?B?")
_PREFIXES = {
    **{"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12},
    **{"ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40},
}


def seconds(text: str) -> float:
    """Parse a duration or position in seconds.

    >>> seconds("90"), seconds("1.5s"), seconds("1h30m"), seconds("01:02:03.5"), seconds("2d")
    (90.0, 1.5, 5400.0, 3723.5, 172800.0)

    Raises :class:`ConfigurationError` for any other text.
    """
    text = text.strip()
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600.0 + int(minutes) * 60.0 + float(rest)
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text).strip():
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ConfigurationError(
        f"{text!r} is not a duration; write seconds (90), units (1h30m) or a clock (00:01:30)"
    )


def share(text: str) -> float:
    """Parse a share of the frames.

    >>> share("0.2"), share("20%")
    (0.2, 0.2)

    Raises :class:`ConfigurationError` unless it lies in (0, 1].
    """
    stripped = text.strip()
    try:
        value = float(stripped[:-1]) / 100 if stripped.endswith("%") else float(stripped)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise ConfigurationError(
            f"{text!r} is not a share; write a number above 0, up to 1 (0.2), or a percentage (20%)"
        )
    return value


def size_bytes(text: str) -> int:
    """Parse a number of bytes.

    >>> size_bytes("20GB"), size_bytes("512MiB"), size_bytes("1.5 kB"), size_bytes("4096")
    (20000000000, 536870912, 1500, 4096)

    Raises :class:`ConfigurationError` for any other text.
    """
    if match := _BYTES.fullmatch(text.strip()):
        prefix = (match[2] or "").replace("K", "k")
        return int(Decimal(match[1]) * _PREFIXES[prefix])
    raise ConfigurationError(
        f"{text!r} is not a number of bytes; write bytes (4096) or units (20GB, 512MiB)"
    )


def write_seconds(duration: float) -> str:
    """Format a duration so that :func:`seconds` parses exactly the same value.

    >>> write_seconds(86400.0), write_seconds(90.0), write_seconds(0.25)
    ('1d', '90s', '0.25s')
    """
    for unit in ("d", "h", "m"):
        if duration >= _SECONDS[unit] and duration % _SECONDS[unit] == 0:
            return f"{duration / _SECONDS[unit]:.0f}{unit}"
    whole = int(duration)
    return f"{whole}s" if whole == duration else f"{Decimal(repr(duration)):f}s"


def write_bytes(size: int) -> str:
    """Format a number of bytes so that :func:`size_bytes` parses exactly the same value.

    >>> write_bytes(20_000_000_000), write_bytes(1 << 29), write_bytes(1001)
    ('20GB', '512MiB', '1001')
    """
    for prefix in ("T", "Ti", "G", "Gi", "M", "Mi", "k", "ki"):
        if size >= _PREFIXES[prefix] and size % _PREFIXES[prefix] == 0:
            return f"{size // _PREFIXES[prefix]}{prefix}B"
    return str(size)
