"""Checks that the files named in a configuration exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streamsel.config.schema import Config


def missing_files(config: Config) -> list[str]:
    """Return one line for each file that does not exist yet."""
    return [
        f"{place}: {path} is not there yet"
        for place, path in _paths(config, "")
        if place != "sinks.disk.path" and not path.is_file()
    ]


def _paths(value: Any, place: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield place, value
    elif isinstance(value, BaseModel | Mapping):
        items = value.items() if isinstance(value, Mapping) else iter(value)
        for name, inner in items:
            yield from _paths(inner, f"{place}.{name}" if place else name)
