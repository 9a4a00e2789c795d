"""Writes a configuration as YAML with secrets masked; loading it gives the same settings."""

from __future__ import annotations

from typing import Any

import yaml

from streamsel.config.schema import Config


def shown(config: Config, *, resolved: bool = False) -> dict[str, Any]:
    """Return the configuration as plain values, secrets and credentials masked.

    With ``resolved``, each feed has all its settings; else only those set for it.
    """
    values = config.model_dump(mode="json")
    values["feeds"] = {
        name: _source_first(
            config.merged(name).model_dump(mode="json")
            if resolved
            else feed.model_dump(mode="json", exclude_unset=True)
        )
        for name, feed in config.feeds.items()
    }
    return values


def as_yaml(values: dict[str, Any]) -> str:
    """Return values as YAML that loads as the same values, ``$`` escaped."""
    return yaml.safe_dump(_escaped(values), sort_keys=False, allow_unicode=True, width=1000)


def _source_first(feed: dict[str, Any]) -> dict[str, Any]:
    return {"source": feed["source"], **feed}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _escaped(inner) for name, inner in value.items()}
    return value.replace("$", "$$") if isinstance(value, str) else value
