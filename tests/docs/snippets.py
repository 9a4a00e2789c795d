"""What README and the pages tell people to type, cut out of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_LIVE = re.compile(r"rtsp://|streamsel watch|127\.0\.0\.1:9464|gate-\d{6}|-h broker|unshare")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block: its page (relative to the repository), line, language and text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    @property
    def is_live(self) -> bool:
        """Whether it speaks of a camera, a broker or a running service."""
        return self.language == "sh" and _LIVE.search(self.text) is not None

    def commands(self) -> list[str]:
        """The commands of a shell snippet, lines that go on joined, comments left out."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.strip() for line in lines if shlex.split(line, comments=True)]


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield all fenced blocks of a page, in order."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Snippet(str(page.relative_to(ROOT)), line, found[2], found[3])
