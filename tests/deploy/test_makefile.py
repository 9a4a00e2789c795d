"""The folders that the Makefile names exist: a room that moves takes its tests along."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def named_by(target: str) -> list[str]:
    """The folders of tests that the commands of a target name, by make's own expansion."""
    shown = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [word for word in shown.stdout.split() if word.startswith("tests/")]


@pytest.mark.parametrize("target", ["test", "test-newest", "test-lowest", "bench"])
def test_every_folder_of_tests_that_is_named_is_there(target: str) -> None:
    assert [name for name in named_by(target) if not (ROOT / name).exists()] == []


def test_the_lowest_versions_are_tried_with_every_folder_of_unit_tests() -> None:
    whole = {"bench", "conformance", "deploy", "docs", "drawn", "end_to_end", "golden", "mutation"}
    whole |= {"page", "servers", "soak"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()}
    named = {Path(name).name for name in named_by("test-lowest")}
    assert {name for name in named if not name.startswith("test_")} == folders - whole
