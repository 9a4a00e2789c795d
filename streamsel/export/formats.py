"""Registry of export formats. A new format is a module here and a line in ``FORMATS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from streamsel.errors import ConfigurationError
from streamsel.export.rows import Export

FORMATS = {
    "jsonl": "streamsel.export.jsonl",
    "csv": "streamsel.export.csv",
    "parquet": "streamsel.export.parquet",
}
"""The module of each format, imported when used; it defines ``FORMAT``."""


@dataclass(frozen=True, slots=True)
class Format:
    """How rows are written to a file.

    ``check`` raises :class:`ConfigurationError` if a library is missing, before anything is
    changed. ``write`` consumes the rows and returns their number. A format that does not stream
    cannot go to standard output.
    """

    write: Callable[[Export, BinaryIO], int]
    streams: bool = True
    check: Callable[[], None] = lambda: None


def open_format(name: str) -> Format:
    """Return a format by name. Raises :class:`ConfigurationError` if it cannot be written."""
    if name not in FORMATS:
        raise ConfigurationError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    found: Format = import_module(FORMATS[name]).FORMAT
    found.check()
    return found
