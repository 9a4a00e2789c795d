"""Streaming k-center over vectors: numpy alone, no I/O, no threads, no clock."""

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.snapshot import Snapshot
from streamsel.coreset.values import Admitted, Center, Decision, Removed

__all__ = ["Admitted", "Center", "Coreset", "Decision", "Removed", "Snapshot"]
