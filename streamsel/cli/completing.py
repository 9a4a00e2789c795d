"""Parameter types that a shell completes."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


class Location(click.ParamType[str]):
    """A file, a folder or an address; the shell completes paths. Nothing is checked here."""

    name = "location"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is."""
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """Leave it to the shell to complete a path."""
        return [CompletionItem(incomplete, type="file")]


class EmbedderName(click.ParamType[str]):
    """The name of an embedder; the shell completes the known ones."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is."""
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """Complete the names; of ``scheme:NAME`` the scheme."""
        from streamsel.embed.registry import known_names

        return [CompletionItem(name) for name in known_names() if name.startswith(incomplete)]


LOCATION = Location()
EMBEDDER = EmbedderName()
