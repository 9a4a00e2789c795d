"""Writes a configuration as YAML with secrets masked; loading it gives the same settings."""

from __future__ import annotations

from typing import Any

import yaml

from streamsel.config.schema import Config


def shown(config: Config, *, resolved: bool = False) -> dict[str, Any]:
    """Return what is configured, in plain values; ``resolved``: all of each feed, not what differs.

    Secrets and the credentials of addresses are masked.
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
    """Write values as a file that reads as them, ``$`` being escaped."""
    return yaml.safe_dump(_escaped(values), sort_keys=False, allow_unicode=True, width=1000)


def _source_first(feed: dict[str, Any]) -> dict[str, Any]:
    return {"source": feed["source"], **feed}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _escaped(inner) for name, inner in value.items()}
    return value.replace("$", "$$") if isinstance(value, str) else value
