"""Streaming k-center over vectors: numpy only; no I/O, no threads, no clock."""

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import Center, CenterAdded, CenterRemoved, Decision, Origin

__all__ = ["Center", "CenterAdded", "CenterRemoved", "Coreset", "Decision", "Origin", "Snapshot"]
