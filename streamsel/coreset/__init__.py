"""The mathematics: which few vectors stand for all. numpy only; no I/O, no threads, no clock."""

from streamsel.coreset.budget import Budget
from streamsel.coreset.coreset import Coreset
from streamsel.coreset.duplicates import floor_from
from streamsel.coreset.endless import EndlessSelector
from streamsel.coreset.selector import OnlineSelector
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import Admitted, Center, Decision, Removed

__all__ = [
    "Admitted",
    "Budget",
    "Center",
    "Coreset",
    "Decision",
    "EndlessSelector",
    "OnlineSelector",
    "Removed",
    "Snapshot",
    "floor_from",
]
