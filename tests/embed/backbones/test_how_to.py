"""What docs/how-to/embedders.md tells people to do works."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsel import select
from streamsel.embed.registry import check_name, create
from streamsel.sources.demo.synthetic import render_demo
from tests.embed.backbones.made import TRANSFORMER, make_clip, noise
from tests.end_to_end.conftest import streamsel

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "embedders.md").read_text()
PUBLISHED = "open_clip:ViT-B-32/laion2b_s34b_b79k"


def snippet(word: str, language: str = "python") -> str:
    """The one snippet that holds a word."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (one,) = (each for each in found if word in each)
    return one


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    render_demo(tmp_path / "walk.mp4", seconds=3, size=(160, 90))
    return tmp_path / "walk.mp4"


def test_every_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {each.strip('"') for each in re.findall(r"--embedder (\S+)", PAGE)}
    names |= set(re.findall(r"^\| `(\w+:\S+)`", PAGE, re.MULTILINE))
    assert len(names) >= 7
    for name in names:
        check_name(name)


def test_a_program_is_saved_and_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet("torch.export.save"), "embedders.md", "exec"), {})
    embedder = create("torchscript:model.pt2", device="cpu")
    assert (embedder.view.side, embedder.embed(noise(3, 224)).shape) == (224, (3, 16))


def test_kept_frames_are_searched_by_words(walk: Path, tmp_path: Path) -> None:
    name = f"open_clip:local-dir:{make_clip(tmp_path / 'clip', TRANSFORMER, {})}"
    assert len(select(walk, count=8, output="kept", embedder=name).frames) == 8
    ended = streamsel("export", "kept", "-o", "kept.jsonl")
    assert ended.code == 0, ended.err
    names: dict[str, Any] = {}
    code = snippet("embed_texts").replace(PUBLISHED, name)
    exec(compile(code, "embedders.md", "exec"), names)
    assert names["query"].shape == (24,)
    assert len(names["best"]) == 5
    fit = names["vectors"] @ names["query"]
    assert fit[names["best"]].min() >= np.delete(fit, names["best"]).max()


def test_an_embedder_of_ones_own(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = tomllib.loads(snippet("entry-points", "toml"))["project"]["entry-points"]
    lines = [
        line
        for group, points in announced.items()
        for line in (f"[{group}]", *(f"{name} = {point}" for name, point in points.items()))
    ]
    package = tmp_path / "site"
    (package / "colours-1.dist-info").mkdir(parents=True)
    (package / "colours-1.dist-info" / "METADATA").write_text("Name: colours\nVersion: 1\n")
    (package / "colours-1.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    (package / "colours.py").write_text(snippet("class Colours"))
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "colours", raising=False)
    assert len(select(walk, count=5, embedder="colours").frames) == 5
    vectors = create("colours").embed(noise(3, 32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    monkeypatch.delitem(sys.modules, "colours", raising=False)
