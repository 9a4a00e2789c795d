"""The part of a page that is made from the code, between two marks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

BEGIN = "<!-- made from the code -->\n"
END = "<!-- end of what is made from the code -->\n"


def with_part(page: str, part: str) -> str:
    """Return the text of a page with ``part`` between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN}and {END}")
    return f"{before}{begin}\n{part.strip()}\n\n{end}{after}"


def renew(make: Callable[[], str]) -> None:
    """Renew the page that the command line names."""
    file = Path(sys.argv[1])
    file.write_text(with_part(file.read_text(), make()))
