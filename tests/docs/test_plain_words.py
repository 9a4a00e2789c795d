"""Phrases that make a sentence hard to read for a stranger stay out of code and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.snippets import PAGES, ROOT

# Passive riddles and private idioms; a plain sentence with its subject first replaces each.
BANNED = re.compile(
    r"\b(?:(?:is|are)\s+told|whose|what\s+comes?\s+of|lets?\s+go\s+of|in\s+hand)\b", re.IGNORECASE
)
_KINDS = {".conf", ".css", ".env", ".html", ".js", ".json", ".md", ".py", ".service", ".sh"}
_KINDS |= {".yaml", ".yml"}


def texts() -> Iterator[Path]:
    """Every text file of the package, the pages and the deployment."""
    yield from PAGES
    yield ROOT / "CHANGELOG.md"
    for folder in ("streamsel", "deploy"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and (path.suffix in _KINDS or not path.suffix):
                yield path


def found(text: str) -> list[str]:
    """The banned phrases in a text, also over the end of a line."""
    bare = re.sub(r"\n[ \t]*(?:#|//|\*)? ?", "\n", text)
    return [
        f"{bare.count(chr(10), 0, match.start()) + 1}: {' '.join(match[0].split())}"
        for match in BANNED.finditer(bare)
    ]


def test_banned_phrases_are_found() -> None:
    assert found("A feed\nwhose rate is told.") == ["2: whose", "2: is told"]
    assert found("# It lets\n        # go of it.\n        # What comes of it is in hand.") == [
        "1: lets go of",
        "3: What comes of",
        "3: in hand",
    ]
    assert found("The server reports the rate that a hand sets.") == []


def test_code_and_pages_have_no_banned_phrases() -> None:
    bad = {
        str(path.relative_to(ROOT)): phrases
        for path in texts()
        if (phrases := found(path.read_text(encoding="utf-8")))
    }
    assert bad == {}
