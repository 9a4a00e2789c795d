"""Generates the JSON schema of a configuration, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from streamsel.config.schema import Config

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a configuration file."""
    schema = Config.model_json_schema()
    return {"$schema": _DIALECT, **schema, "title": "streamsel configuration"}
