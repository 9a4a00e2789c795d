"""Provenance of weights: hashes of all training files, and all parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from streamsel.json_text import json_text
from streamsel.version import __version__


@dataclass(frozen=True, slots=True)
class Provenance:
    """Teachers, clips under ``videos``, photographs and options that weights were trained with.

    Each clip has its own hash, to check which scenes were trained on. All photographs share one
    hash, computed over their hashes in order of path.
    """

    teachers: tuple[Path, ...]
    videos: Path
    clips: tuple[Path, ...]
    photographs: tuple[Path, ...]
    options: Mapping[str, int]

    def write(self, weights: Path) -> None:
        """Write the provenance beside the weights as ``.json``; replaces an existing file."""
        described = {
            "weights": _sha256(weights),
            "teachers": {each.name: _sha256(each) for each in self.teachers},
            "clips": {str(each.relative_to(self.videos)): _sha256(each) for each in self.clips},
            "photographs": {"count": len(self.photographs), "sha256": _sha256(*self.photographs)},
            "options": dict(self.options),
            "versions": {"streamsel": __version__, "torch": torch.__version__},
        }
        text = json_text(described, indent=2) + "\n"
        weights.with_suffix(".json").write_text(text, encoding="utf-8")


def _sha256(*paths: Path) -> str:
    """Hash the content of a file; for several files, their concatenated hashes."""
    hashes = [hashlib.sha256(path.read_bytes()) for path in paths]
    if len(hashes) == 1:
        return hashes[0].hexdigest()
    return hashlib.sha256(b"".join(each.digest() for each in hashes)).hexdigest()
