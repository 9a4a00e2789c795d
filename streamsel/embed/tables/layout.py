"""Column layout of a table of vectors: which columns hold the frame's key and the numbers."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.frame import FrameKey

Cells: TypeAlias = Mapping[str, object]
"""A row of a table by column name; all values are text in CSV files."""
Numbers: TypeAlias = npt.NDArray[np.float64]
"""(D,) numbers as they are in the file, not validated."""

NAME_KEY = "streamsel.embedder"
DIGEST_KEY = "streamsel.embedder_digest"
"""Metadata keys of a Parquet file for the name and digest of its embedder."""
LIST_COLUMN = "embedding"

_NAMES = ("id", "path", "filename", "filenames")
_NOT_NUMBERS = {
    *(
        "feed",
        "display_name",
        "source",
        "original",
        "index",
        "pts",
        "time_base",
        "media_time",
        "wall_time",
    ),
    *("width", "height", "bytes", "sha256", "distance", "nearest", "reason", "sharpness"),
    *("kept", "outcome", "threshold", "embedder", "embedder_digest", "label", "labels"),
    *_NAMES,
}
_MOST_FRAMES = 2**53
_NUMBERED = re.compile(r"(?P<family>.*?)(?P<number>0|[1-9]\d*)")
_UNNAMED = re.compile(r"$|Unnamed: \d|__")
"""Names that pandas gives a column of row numbers."""
_PICTURE = re.compile(r"(?:.*/)?(?P<feed>[^/]+)/(?P<index>\d{6,})_-?\d+\.\d+\.\w+")
_ID = re.compile(r"(?:.*/)?(?:\d{8}T\d{6}\.\d{6}Z_)?(?P<feed>[^/]+)-(?P<index>\d{6,})(?:\.[a-z]+)?")


@dataclass(frozen=True, slots=True)
class TableLayout:
    """The relevant columns. ``key`` are feed and index, or one column that holds both.

    ``vector`` is one column of lists (``listed``), or one column per number, in order.
    """

    key: tuple[str, ...]
    vector: tuple[str, ...]
    listed: bool

    def key_of(self, cells: Cells) -> FrameKey:
        """Return the frame of a row. Raises ``ValueError`` if it has none."""
        if len(self.key) == 1:
            return _frame_named(str(cells.get(self.key[0])))
        feed, index = (cells.get(name) for name in self.key)
        if not isinstance(feed, str) or not feed:
            raise ValueError("says no feed")
        return FrameKey(feed, _index(index))

    def numbers_of(self, cells: Cells) -> Numbers | None:
        """Return the row's (D,) numbers; None if it has none.

        Raises ``ValueError`` for anything but a list of numbers.
        """
        found = [cells.get(name) for name in self.vector]
        if all(cell in (None, "") for cell in found):
            return None
        listed = found[0] if self.listed else found
        try:
            numbers = np.array(json.loads(listed) if isinstance(listed, str) else listed, float)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"its vector is not of numbers ({error})") from error
        if numbers.ndim != 1:
            raise ValueError("its vector is not a plain list of numbers")
        return numbers


def layout_of(columns: Sequence[str]) -> TableLayout:
    """Determine the layout from the column names.

    The vector is in ``embedding``; else in columns that are numbered without a gap from 0 or 1
    (``e0``, ``e1``, ...), if there is one such family or one named ``e``; else in all columns that
    have no other known meaning. Raises ``ValueError`` for columns that are ambiguous or missing.

    >>> layout_of(["filenames", "embedding_0", "embedding_1", "labels"])
    TableLayout(key=('filenames',), vector=('embedding_0', 'embedding_1'), listed=False)
    """
    key: tuple[str, ...] = ("feed", "index")
    if not {"feed", "index"} <= set(columns):
        key = tuple(name for name in _NAMES if name in columns)[:1]
    if not key:
        raise ValueError(f"has no columns feed and index, nor one of {', '.join(_NAMES)}")
    if LIST_COLUMN in columns:
        return TableLayout(key, (LIST_COLUMN,), True)
    families = _families(columns)
    if len(families) > 1 and "e" in families:
        families = {"e": families["e"]}
    if len(families) > 1:
        names = " or ".join(f"{found[0]}..{found[-1]}" for found in families.values())
        raise ValueError(f"may have its vectors in {names}; name their columns e0, e1, ...")
    numbers = [name for name in columns if name not in _NOT_NUMBERS and not _UNNAMED.match(name)]
    vector = next(iter(families.values()), tuple(numbers))
    if not vector:
        raise ValueError("has no vectors: neither a column embedding nor columns e0, e1, ...")
    return TableLayout(key, vector, False)


def _families(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the columns that are numbered from 0 or 1 without a gap, in order of the number."""
    numbered: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for name in columns:
        found = _NUMBERED.fullmatch(name)
        if found is not None and name not in _NOT_NUMBERS:
            numbered[found["family"]][int(found["number"])] = name
    return {
        family: tuple(members[number] for number in sorted(members))
        for family, members in numbered.items()
        if len(members) > 1 and min(members) <= 1 and max(members) - min(members) < len(members)
    }


def _index(cell: object) -> int:
    """Parse an index; accepts ``12.0``, as written by spreadsheets and pandas."""
    try:
        number = float(str(cell))
    except ValueError:
        number = -1.0
    if not 0 <= number < _MOST_FRAMES or not number.is_integer():
        raise ValueError(f"index is {cell!r}; it must be a whole number from 0")
    return int(number)


def _frame_named(name: str) -> FrameKey:
    """Read feed and index from an id or from the path of a kept picture.

    >>> _frame_named("frames/walk/000123_00004.920.jpg")
    FrameKey(feed='walk', index=123)
    """
    found = _PICTURE.fullmatch(name) or _ID.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} names no frame; add columns feed and index")
    return FrameKey(found["feed"], int(found["index"]))
