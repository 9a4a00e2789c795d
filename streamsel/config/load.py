"""Loads a configuration: merges file, environment and command line, then checks the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamsel.config.complaints import complaints
from streamsel.config.document import read_document
from streamsel.config.environment import fill_in, settings_of
from streamsel.config.feed_names import name_feeds
from streamsel.config.schema import Config
from streamsel.config.secrets import read_source_files, register_secrets, warn_of_exposed
from streamsel.config.tree import ConfigNode, Problem, nearest, overlay, plain, plant
from streamsel.errors import ConfigurationError


def load(
    path: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    *,
    origin: str = "command line",
) -> Config:
    """Load a configuration.

    ``overrides`` come from ``origin``, nested like the sections. They take precedence over
    the ``environment`` (``STREAMSEL_SINKS__MQTT__HOST``), which takes precedence over the file.
    Relative paths start at the file's folder, or without a file at the working folder.

    Raises :class:`ConfigurationError` with one line per problem. Messages contain no secrets.
    """
    file, problems = ConfigNode({}, "configuration"), list[Problem]()
    if path is not None:
        document = read_document(path, partial(fill_in, environment=environment))
        file, clashes = name_feeds(document.tree)
        problems = [*document.problems, *clashes]
    feeds = nearest(file, ("feeds",)).children if "feeds" in file.children else ()
    tree = overlay(file, settings_of(environment, Config.model_fields, feeds))
    given, clashes = name_feeds(plant(overrides or {}, origin))
    tree, problems = overlay(tree, given), problems + clashes
    folder = Path() if path is None else path.parent
    tree, unread = read_source_files(tree, folder)
    problems += unread
    values = plain(tree)  # before any traversal: with aliases the tree may be infinite
    register_secrets(tree, environment)
    try:
        config = Config.model_validate(values, context={"folder": folder.absolute()})
    except ValidationError as error:
        problems += complaints(error, tree)
        raise ConfigurationError(_told(problems)) from None
    if problems:
        raise ConfigurationError(_told(problems))
    if path is not None:
        warn_of_exposed(path, tree)
    return config


def _told(problems: Sequence[Problem]) -> str:
    """Return all problems, one per line, in the order of their lines, without repetition."""
    return "\n".join(dict.fromkeys(problem.message for problem in sorted(problems)))
