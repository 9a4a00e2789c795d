"""What README and docs tell people to do works, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsel.sources.synthetic import render_demo
from tests.end_to_end.conftest import streamsel

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every input that README speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    render_demo(folder / "walk.mp4", seconds=8, size=(320, 180))
    for name in ("day.mp4", "a.mp4", "b.mp4", "clip.mov"):
        shutil.copy(folder / "walk.mp4", folder / name)
    (folder / "recordings").mkdir()
    render_demo(folder / "recordings" / "yard.mp4", seconds=30, size=(320, 180))
    return folder


def test_commands_of_the_readme(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    commands = [
        shlex.split(line, comments=True)[1:]
        for snippet in snippets(ROOT / "README.md", "sh")
        for line in snippet.splitlines()
        if line.startswith("streamsel ") and "rtsp://" not in line and "gate-" not in line
    ]
    assert len(commands) >= 6
    for arguments in commands:
        if "--resume" not in arguments and "-o" in arguments:
            shutil.rmtree(place / arguments[arguments.index("-o") + 1], ignore_errors=True)
        elif "--resume" in arguments:
            shutil.rmtree(place / "kept", ignore_errors=True)
        ended = streamsel(*arguments)
        assert ended.code == 0, (arguments, ended.err)


def test_python_of_the_readme(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    shutil.rmtree(place / "kept", ignore_errors=True)
    embedding = np.zeros(256, np.float32)
    embedding[0] = 1.0
    names: dict[str, Any] = {"embedding": embedding}
    for snippet in snippets(ROOT / "README.md", "python"):
        exec(compile(snippet, "README.md", "exec"), names)
    assert (place / "kept" / "manifest.jsonl").exists()
    assert names["decision"].outcome == "admitted"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(
    "command",
    [
        "select",
        "compare",
        "watch",
        "probe",
        "config",
        "inspect",
        "export",
        "train",
        "embedders",
        "demo",
    ],
)
def test_every_command_is_in_the_readme_or_the_docs(command: str) -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    assert f"streamsel {command}" in told or f"make {command}" in told
