"""Embedders of packages that are really installed, as far as Python can tell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streamsel.embed.registry import create, embedders
from streamsel.errors import EmbedderError

METADATA = "Metadata-Version: 2.1\nName: eyes-of-others\nVersion: 1.0\n"
ENTRY_POINTS = """\
[streamsel.embedders]
flat = eyes_of_others_flat:open_it
torn = eyes_of_others_torn:open_it
"""
FLAT = """
from streamsel.frame import View

class Flat:
    name, digest, view, dim = "flat", "0", View(16), 2

    def __init__(self, weights, device):
        self.given = weights, device

def open_it(*, weights, device):
    return Flat(weights, device)
"""
TORN = "raise ImportError('its library is not installed')\n"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = tmp_path / "eyes_of_others-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text(METADATA)
    (distribution / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "eyes_of_others_flat.py").write_text(FLAT)
    (tmp_path / "eyes_of_others_torn.py").write_text(TORN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "eyes_of_others_flat", raising=False)


def test_they_are_listed_after_the_builtin_one() -> None:
    first, *others = embedders()
    assert first.name == "builtin"
    found = {info.name: info for info in others}
    assert found["flat"].available
    assert found["flat"].note == "from eyes_of_others_flat:open_it"
    assert not found["torn"].available
    assert found["torn"].note == "cannot be loaded: its library is not installed"


def test_one_is_created_with_what_was_asked() -> None:
    made = create("flat", weights="w.bin", device="cpu")
    assert (made.name, made.dim, made.view.side) == ("flat", 2, 16)
    assert vars(made) == {"given": ("w.bin", "cpu")}


def test_a_broken_one_is_named_when_asked_for() -> None:
    with pytest.raises(
        EmbedderError, match=r"^embedder 'torn' cannot be loaded: its library is not installed$"
    ):
        create("torn")
