"""The runbooks as a page that Prometheus serves itself: alerts lead there without the internet.

``python -m tests.deploy.runbooks`` makes it anew from docs/how-to/runbooks.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import markdown

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "docs" / "how-to" / "runbooks.md"
PAGE = ROOT / "deploy" / "prometheus" / "pages" / "runbooks.html"

_FRAME = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
h2:target {{ outline: 2px solid; outline-offset: .4rem }}
pre {{ overflow: auto; padding: .6rem; border: 1px solid }}
</style>
{content}
</html>
"""


def made() -> str:
    """Return the page."""
    # Of the other pages it has no more than the names.
    text = re.sub(r"\[([^]]+)]\((?!#)[^)]+\)", r"\1", SOURCE.read_text())
    title = text.splitlines()[0].removeprefix("# ")
    content = markdown.markdown(text, extensions=["toc", "fenced_code", "tables", "sane_lists"])
    return _FRAME.format(title=title, content=content)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(made())
