"""The picture of the house in the docs: its floors are the import contract, its rooms are there."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()


def test_floors_are_those_that_the_imports_are_checked_against() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [contract] = [
        each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers"
    ]
    drawn = re.search(r"checks it:\n\n((?:    .+\n)+)", TEXT)
    assert drawn is not None
    floors = [line.strip() for line in drawn[1].splitlines()]
    assert floors == [layer.replace("streamsel.", "") for layer in contract["layers"]]


def test_every_room_has_a_row_and_every_row_a_room() -> None:
    rows = re.findall(r"^\| (`.+?) \|", TEXT, re.M)
    named = {
        name.removeprefix("streamsel/").rstrip("/")
        for row in rows
        for name in re.findall(r"`([^`]+)`", row)
    }
    package = ROOT / "streamsel"
    there = {
        path.name
        for path in package.iterdir()
        if not path.name.startswith("__")
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert named == there


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", TEXT))))
def test_files_that_are_named_are_there(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "streamsel" / path).exists()


@pytest.mark.parametrize("kind", ["In a file", "From a camera"])
def test_the_life_of_a_frame_passes_few_files(kind: str) -> None:
    section = re.search(rf"^### {kind}\n(.*?)(?=^##)", TEXT, re.M | re.S)
    assert section is not None
    steps = re.findall(r"^\d+\. `([a-z_/]+\.py)` [a-z].*[.;:]$", section[1], re.M)
    assert len(steps) == len(set(steps)) == len(re.findall(r"^\d+\. ", section[1], re.M))
    assert 10 < len(steps) <= 25
    assert [step for step in steps if not (ROOT / "streamsel" / step).exists()] == []


def test_no_two_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "streamsel").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in places.items() if len(found) > 1}
