"""What contributors are given agrees with the project: recipes, forms, hooks, editors' settings."""

from __future__ import annotations

import configparser
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.snippets import ROOT

GITHUB = ROOT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
TEXTS = [ROOT / "CONTRIBUTING.md", *sorted(GITHUB.rglob("*.md"))]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def lint_commands() -> list[str]:
    """What ``make lint`` runs, by make's own expansion."""
    shown = subprocess.run(
        ["make", "--dry-run", "lint", "VENV=.venv"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = re.compile(r"^\.venv/bin/(?:ruff|mypy|lint-imports)\b.*$", re.MULTILINE)
    return [line.removesuffix(" .") for line in wanted.findall(shown.stdout)]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`((?:streamsel|tests|docs|\.ci)/[\w./-]+|[\w]+\.(?:md|toml))`", text)
    named += re.findall(r"pytest [^`]*?(tests/\S+?)[ `]", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert "://" in target or (page.parent / target).exists(), target


def test_targets_of_make_that_are_named_are_there() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", "\n".join(page.read_text() for page in TEXTS)))
    assert {"test", "lint", "release", "lock"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_recipe_is_there() -> None:
    titles = re.findall(r"^### (.+)$", TEXTS[0].read_text(), re.MULTILINE)
    parts = ("a source", "a sink", "an embedder", "an export", "an option")
    assert {"Run one test", *(f"Add {part}" for part in parts), "Make a release"} <= set(titles)


def test_hooks_are_the_commands_of_lint_and_download_nothing() -> None:
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in settings["repos"]] == ["local"]
    hooks = settings["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks] == lint_commands()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_forms_are_complete(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    if form.stem == "config":
        assert content == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} == content.keys()
    fields = [one for one in content["body"] if one["type"] != "markdown"]
    assert len({one["id"] for one in fields}) == len(fields) > 0
    assert all(one["attributes"]["label"] for one in fields)
    assert any(one.get("validations", {}).get("required") for one in fields)


def test_editors_use_the_lengths_that_are_checked() -> None:
    settings = configparser.ConfigParser()
    settings.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert settings["*.py"].getint("max_line_length") == PROJECT["tool"]["ruff"]["line-length"]
    assert settings["Makefile"]["indent_style"] == "tab"


def test_who_finds_a_weakness_is_led_to_a_private_report() -> None:
    text = (GITHUB / "SECURITY.md").read_text()
    assert "Report it privately" in text
    assert "SECURITY.md" in (GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text()


def test_types_are_said_and_not_silenced() -> None:
    mark = "type: " + "ignore"
    paths = [*files("streamsel"), *files("tests")]
    modules = {path: (ROOT / path).read_text() for path in paths}
    assert [str(path) for path, text in modules.items() if mark in text] == []
    casting = {path for path, text in modules.items() if re.search(r"(?<![\w.])cast\(", text)}
    assert {path for path in casting if path.parts[0] == "tests"} == {Path("tests/stand_ins.py")}


def files(folder: str) -> list[Path]:
    return [path.relative_to(ROOT) for path in sorted((ROOT / folder).rglob("*.py"))]
