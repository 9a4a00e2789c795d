"""The pictures beside the benchmarks show today's tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.plots import PLOTS, digest, drawn_tables, main, tables

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.mark.parametrize("name", PLOTS)
def test_a_picture_is_current(name: str) -> None:
    picture = (PAGE.parent / "images" / f"{name}.svg").read_text()
    assert f"tables {digest(drawn_tables(PAGE.read_text(), name))}" in picture, (
        "run: python -m tests.bench.plots docs/benchmarks.md"
    )
    assert f"images/{name}.svg" in PAGE.read_text()


def test_drawing_again_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    copy = tmp_path / "page.md"
    copy.write_text(PAGE.read_text())
    main(copy)
    once = {file.name: file.read_bytes() for file in (tmp_path / "images").iterdir()}
    main(copy)
    assert once == {file.name: file.read_bytes() for file in (tmp_path / "images").iterdir()}
    assert set(once) == {f"{name}.svg" for name in PLOTS}


def test_a_section_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="lacks '## Speed'"):
        tables("# Benchmarks\n", "## Speed")
