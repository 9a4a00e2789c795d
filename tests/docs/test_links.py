"""What README and the pages link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

from tests.docs.snippets import FENCE, PAGES, ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for target, heading in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        if "://" not in target:
            other = page.parent / target if target else page
            assert heading in headings(other), f"{page.name} links to {target}#{heading}"


def headings(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {slugify(re.sub(r"[`*]", "", title), "-") for title in titles}


def test_tests_that_are_named_are_there() -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    named = re.findall(r"`(\w[\w/]*\.py)::(\w+)`", told)
    assert len(named) > 8
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), file


def test_programs_that_print_figures_are_there() -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    modules = set(re.findall(r"python -m (tests\.[\w.]+)", told))
    assert len(modules) > 8
    for module in modules:
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
