"""Where the options of a live service stand in its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamsel.config.sections.feeds import Defaults
from streamsel.config.sections.sinks import PicturesConfig

PLACES: Mapping[str, tuple[str, ...]] = {
    **{name: ("defaults", name) for name in Defaults.model_fields},
    **{name: ("pictures", name) for name in PicturesConfig.model_fields},
    "output": ("sinks", "disk", "path"),
    "max_bytes": ("sinks", "disk", "max_bytes"),
    "durability": ("sinks", "disk", "durability"),
    "listen": ("service", "listen"),
}
"""The path of each option that the command line and Python have, by its name there."""


def nested(feeds: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options nested like the sections of a configuration; None is left out.

    ``feeds`` are addresses by name. The output folder becomes absolute: it starts at the working
    folder, not at that of a file.
    """
    tree: dict[str, Any] = {}
    if feeds:
        tree["feeds"] = {name: {"source": source} for name, source in feeds.items()}
    for name, value in given.items():
        if value is not None:
            *sections, key = PLACES[name]
            section = tree
            for step in sections:
                section = section.setdefault(step, {})
            section[key] = str(Path(value).absolute()) if name == "output" else value
    return tree
