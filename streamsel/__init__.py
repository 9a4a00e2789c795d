"""Selects the few frames worth keeping from endless video.

>>> import numpy as np
>>> from streamsel import Coreset
>>> coreset = Coreset(capacity=2, dim=2)
>>> for name, angle in [("east", 0.0), ("nearly east", 0.01), ("north", 1.57), ("west", 3.14)]:
...     vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
...     decision = coreset.offer(name, vector)
>>> sorted(coreset.keys)
['east', 'north']

Importing this module is cheap: torch and PyAV are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from streamsel.version import __version__

if TYPE_CHECKING:
    from streamsel.api.compare import Comparison, compare
    from streamsel.api.results import SelectedFrame, Selection
    from streamsel.api.select import select
    from streamsel.api.watch import watch
    from streamsel.coreset.coreset import Coreset
    from streamsel.decisions import Evicted, Kept
    from streamsel.errors import (
        BusyError,
        ConfigurationError,
        DamagedRecordError,
        DiskChangedError,
        DiskFullError,
        DiskGoneError,
        EmbedderError,
        FolderInUseError,
        FolderLockedError,
        InputError,
        OfferError,
        PassingError,
        PortInUseError,
        RecordError,
        RefusedError,
        SinkError,
        SourceError,
        StreamselError,
        UnreadableError,
        UnsupportedError,
    )

# Every other name is that of an error.
_HOMES = {
    "Comparison": "streamsel.api.compare",
    "Coreset": "streamsel.coreset.coreset",
    "Evicted": "streamsel.decisions",
    "Kept": "streamsel.decisions",
    "SelectedFrame": "streamsel.api.results",
    "Selection": "streamsel.api.results",
    "compare": "streamsel.api.compare",
    "select": "streamsel.api.select",
    "watch": "streamsel.api.watch",
}

__all__ = [
    "BusyError",
    "Comparison",
    "ConfigurationError",
    "Coreset",
    "DamagedRecordError",
    "DiskChangedError",
    "DiskFullError",
    "DiskGoneError",
    "EmbedderError",
    "Evicted",
    "FolderInUseError",
    "FolderLockedError",
    "InputError",
    "Kept",
    "OfferError",
    "PassingError",
    "PortInUseError",
    "RecordError",
    "RefusedError",
    "SelectedFrame",
    "Selection",
    "SinkError",
    "SourceError",
    "StreamselError",
    "UnreadableError",
    "UnsupportedError",
    "__version__",
    "compare",
    "select",
    "watch",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'streamsel' has no attribute {name!r}")
    try:
        home = import_module(_HOMES.get(name, "streamsel.errors"))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"streamsel.{name} needs {error.name}, which is not installed; "
            "install streamsel with its dependencies (pip install without --no-deps)",
            name=error.name,
        ) from error
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
