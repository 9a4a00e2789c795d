"""The page that tells every option is current, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamsel.config.reference import with_tables
from tests.config.files import loaded, problems

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_tables_are_current() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, (
        "run: python -m streamsel.config.reference docs/reference/configuration.md"
    )
    assert page.count("| `near_duplicate` | auto, or a number from 0 to 2 | `auto` |") == 1


def test_a_page_without_a_place_for_tables() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_tables("# Configuration\n")


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_work(example: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, example, {"CAMERA_PASSWORD": "x"})
    assert config.feed("gate").source.endswith("10.0.0.4/main")


def test_the_variables_it_names_work(tmp_path: Path) -> None:
    variables = dict(
        re.findall(r"^\| `(STREAMSEL_\w+)=([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    )
    assert len(variables) == 5
    # Both feeds of the group must say the same.
    variables["STREAMSEL_FEEDS__YARD_WEST__COUNT"] = "300"
    config = loaded(tmp_path, EXAMPLES[1], {"CAMERA_PASSWORD": "x", **variables})
    assert config.feed("yard-east").count == 300
    assert config.feed("store").share == 0.05
    assert config.service is None


def test_the_mistakes_it_shows_are_told_so(tmp_path: Path) -> None:
    told = re.findall(r"^(?:streamsel.yaml|STREAMSEL_\w+):.*$", PAGE.read_text(), re.MULTILINE)
    text = """\
        defaults:
          windw: 24h
        feeds:
          gate:
            count: 0
            source: rtsp://10.0.0.4/main
        sinks: {mqtt: {host: broker}}
        """
    assert told == problems(tmp_path, text, {"STREAMSEL_SINKS__MQTT__PORT": "70000"})
