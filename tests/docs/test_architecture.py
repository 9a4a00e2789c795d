"""The picture of the house in the docs: its floors are the import contract, its rooms are there."""

from __future__ import annotations

import ast
import asyncio
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
VERBS = frozenset((Path(__file__).parent / "verbs.txt").read_text().split())


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
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_functions_with_effects_are_verbs() -> None:
    """A function that returns None has an effect: its name begins with a verb.

    Events are named for the event: the methods of observers end with a participle, and
    asyncio names those of its own protocols. Commands are named by click.
    """
    events = set(_events())
    assert not [name for name in events if not name.endswith(("ed", "seen", "begun", "read"))]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    given = events | set(dir(asyncio.Protocol)) | {each.split(":")[1] for each in scripts.values()}
    nouns = [
        f"{place} {name}: rename it to begin with a verb, or add a true one to tests/docs/verbs.txt"
        for place, name in _functions_with_effects()
        if name not in given and name.lstrip("_").split("_")[0] not in VERBS
    ]
    assert not nouns, "\n".join(nouns)


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "streamsel").rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def _events() -> Iterator[str]:
    """The methods of observers of events."""
    for _, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Observer"):
                yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef))


def _functions_with_effects() -> Iterator[tuple[str, str]]:
    for path, tree in _trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            returns_nothing = isinstance(node.returns, ast.Constant) and node.returns.value is None
            marks = [ast.unparse(each) for each in node.decorator_list]
            is_named_elsewhere = any(
                mark.startswith("click.") or mark.endswith((".setter", ".deleter"))
                for mark in marks
            )
            is_dunder = node.name.startswith("__") and node.name.endswith("__")
            if returns_nothing and not is_named_elsewhere and not is_dunder:
                yield f"{path}:{node.lineno}", node.name
