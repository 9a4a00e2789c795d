"""Editors, who know the JSON schema alone, agree with what is read."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from streamsel.config.schema import Config, editor_schema
from streamsel.config.show import as_yaml, shown
from streamsel.config.template import TEMPLATE
from tests.config.files import ONE_FEED
from tests.config.test_reference import EXAMPLES

SCHEMA = editor_schema()
EDITOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [TEMPLATE, *EXAMPLES])
def test_editors_accept_what_is_read(text: str) -> None:
    EDITOR.validate(yaml.safe_load(text))


def test_editors_accept_what_is_shown() -> None:
    config = Config.model_validate(
        {**ONE_FEED, "sinks": {"mqtt": {"host": "h", "tls": {}, "discovery": True}}}
    )
    EDITOR.validate(yaml.safe_load(as_yaml(shown(config, resolved=True))))


def test_editors_accept_what_people_call_a_feed_and_a_file_that_holds_its_source() -> None:
    EDITOR.validate({"feeds": {"Einfahrt Süd": {"source_file": "/run/secrets/gate"}}})


@pytest.mark.parametrize(
    "section",
    [
        {"listen": 1},
        {"defaults": {"windw": "24h"}},
        {"defaults": {"look_ahead": 0}},
        {"defaults": {"transport": "pigeon"}},
        {"defaults": {"prefilter": {"black_level": 256}}},
        {"feeds": {}},
        {"feeds": {"gate": {}}},
        {"feeds": {"a/b": {"source": "x"}}},
        {"feeds": {"gate": {"display_name": "Gate"}}},
        {"sinks": {"mqtt": {}}},
        {"sinks": {"mqtt": {"host": "h", "port": 70_000}}},
        {"service": {"tls": {"cert_file": "x"}}},
        {"log_level": "loud"},
    ],
    ids=str,
)
def test_editors_mark_what_is_refused(section: dict[str, Any]) -> None:
    assert not EDITOR.is_valid({**ONE_FEED, **section})


@pytest.mark.parametrize("written", ["${N}", 5, "50/h"])
def test_editors_let_variables_stand_for_numbers(written: object) -> None:
    EDITOR.validate({**ONE_FEED, "defaults": {"count": written, "fps": "${FPS}"}})


def test_every_option_is_described() -> None:
    for section in (SCHEMA, *SCHEMA["$defs"].values()):
        for name, option in section["properties"].items():
            assert option.get("description"), name
