"""Progress on stderr, because stdout is for results: a bar on a terminal, and lines that stay."""

from __future__ import annotations

from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID


class TerminalBars:
    """One bar after another, with lines between them. A context manager.

    Elsewhere than on a terminal there are only the lines. ``quiet``: only problems are printed.
    """

    def __init__(self, *columns: ProgressColumn, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._quiet = quiet
        self._told: set[str] = set()
        self._task: TaskID | None = None
        self._bars = Progress(
            *columns,
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def complain(self, text: str) -> None:
        """Print a problem, even if quiet, once."""
        if text not in self._told:
            self._told.add(text)
            style = "yellow" if self._console.is_terminal else ""
            self._console.print(text, markup=False, style=style)

    def _begin_bar(self, name: str, total: int | None, **values: Any) -> None:
        """Begin a bar, in the place of an earlier one; ``values`` are those of ``Progress``."""
        self._end_bar()
        self._task = self._bars.add_task(name, total=total, **values)

    def _move_bar(self, **values: Any) -> None:
        if self._task is not None:
            self._bars.update(self._task, **values)

    def _end_bar(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
