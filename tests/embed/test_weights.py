"""The shipped weights: how large, made of what, and of nothing that they are judged by."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from streamsel.embed.builtin import BuiltinEmbedder
from tests.bench.embedder_score import TEST_CLIPS

FOLDER = Path(str(files("streamsel.embed"))) / "weights"
MOST_BYTES = 4_000_000


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "builtin.json").read_text())
    return content


def test_they_are_the_ones_that_their_provenance_tells_of(told: dict[str, Any]) -> None:
    content = (FOLDER / "builtin.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == told["weights"]
    assert len(content) <= MOST_BYTES


def test_the_card_and_every_record_name_them(told: dict[str, Any]) -> None:
    digest = BuiltinEmbedder(None, "cpu").digest
    assert told["weights"].startswith(digest)
    assert digest in (FOLDER / "MODEL_CARD.md").read_text()


def test_no_scene_of_the_test_clips_was_trained_on(told: dict[str, Any]) -> None:
    trained = {Path(name).name for name in told["clips"]}
    assert len(trained) >= 13
    assert not [name for name in trained if name.startswith(TEST_CLIPS)]


def test_the_card_names_all_that_was_trained_on(told: dict[str, Any]) -> None:
    card = (FOLDER / "MODEL_CARD.md").read_text()
    for name in told["clips"]:
        assert Path(name).stem in card, name
    for name, digest in told["teachers"].items():
        assert name in card
        assert digest in card, name
    for value in told["options"].values():
        assert str(value) in card
    assert f"{told['photographs']['count']:,} natural photographs" in card
