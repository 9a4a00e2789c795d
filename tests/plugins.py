"""Packages with plug-ins, installed as far as Python can tell: a module, and its metadata."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    package: str,
    groups: Mapping[str, Mapping[str, str]],
    module: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Put version 1.0 of a package on the path, with entry points by group and the module's text.

    The module is named as the package, with ``_`` for ``-``.
    """
    name = package.replace("-", "_")
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{point} = {place}" for point, place in points.items()))
    ]
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    (folder / f"{name}.py").write_text(module)
    monkeypatch.syspath_prepend(folder)
    # Remembered, so that what a test imports is forgotten after it.
    monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.delitem(sys.modules, name)
