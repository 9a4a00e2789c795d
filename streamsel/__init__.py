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
    from streamsel.api.results import SelectedFrame, Selection
    from streamsel.api.select import select
    from streamsel.api.watch import watch
    from streamsel.coreset.coreset import Coreset
    from streamsel.errors import StreamselError

_HOMES = {
    "Coreset": "streamsel.coreset.coreset",
    "SelectedFrame": "streamsel.api.results",
    "Selection": "streamsel.api.results",
    "StreamselError": "streamsel.errors",
    "select": "streamsel.api.select",
    "watch": "streamsel.api.watch",
}

__all__ = [
    "Coreset",
    "SelectedFrame",
    "Selection",
    "StreamselError",
    "__version__",
    "select",
    "watch",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'streamsel' has no attribute {name!r}")
    try:
        home = import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"streamsel.{name} needs {error.name}, which is not installed; "
            "install streamsel with its dependencies (pip install without --no-deps)",
            name=error.name,
        ) from error
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
