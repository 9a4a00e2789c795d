"""What README and the pages link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.snippets import FENCE, PAGES, ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_programs_that_print_figures_are_there() -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    modules = set(re.findall(r"python -m (tests\.[\w.]+)", told))
    assert len(modules) > 8
    for module in modules:
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
