"""The recording time of a file, from its metadata or its name.

It is stored with the kept frames; no decision depends on it. Times are UTC epoch seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime

_EARLIEST_YEAR = 1990
"""Earlier times are of clocks that were never set; those start in 1904, 1970 or 1980."""
_TAGS = ("com.apple.quicktime.creationdate", "creation_time", "DATE_RECORDED", "date_recorded")
_STAMP = re.compile(
    r"(?<!\d)(?P<date>(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01]))"
    r"(?:[T _.-]|\s+at\s+)?"
    r"(?P<time>(?:[01]\d|2[0-3])([-_.:h]?)[0-5]\d(?:\3|m)[0-5]\d)"
    r"(?:[.,_-]?(?P<fraction>\d{3}(?:\d{3})?))?(?!\d)s?"
    r"(?P<zone>Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?"
)
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)$")


def recorded_at(location: str, *metadata: Mapping[str, str]) -> float | None:
    """Return the start of the recording at a path or URL; None if unknown.

    Uses the first creation time in ``metadata`` (container, then stream), else the file name.
    """
    for tags in metadata:
        for tag in _TAGS:
            if (found := _read_tag(tags.get(tag, ""))) is not None:
                return found
    return time_in_name(os.path.basename(location))


def time_in_name(name: str) -> float | None:
    """Return the time in a file name, in the formats of cameras and phones; None without one.

    A time without ``Z`` or an offset counts as UTC, so that the result is the same on all machines.

    >>> time_in_name("VID_20261122_101530.mp4") == time_in_name("2026-11-22_10-15-30.mkv")
    True
    >>> time_in_name("PXL_20261122_101530250.mp4"), time_in_name("walk-20261122.mp4")
    (1795342530.25, None)
    """
    for found in _STAMP.finditer(name):
        digits = re.sub(r"\D", "", found["date"] + found["time"])
        zone = found["zone"] or "Z"
        try:
            moment = datetime.strptime(digits + zone, "%Y%m%d%H%M%S%z")
        except ValueError:
            continue
        if moment.year >= _EARLIEST_YEAR:
            return moment.timestamp() + float(f"0.{found['fraction'] or 0}")
    return None


def _read_tag(text: str) -> float | None:
    """Parse an ISO 8601 time; without a zone it is UTC. None if invalid or before 1990."""
    text = _ZONE.sub(r"\1\2:\3", text.strip())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment.year >= _EARLIEST_YEAR else None
