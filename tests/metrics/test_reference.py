"""The reference page tells every metric, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from streamsel.metrics import labels
from tests.metrics.reference import table
from tests.metrics.scenario import busy_metrics

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def test_the_table_is_what_is_exposed() -> None:
    assert table(busy_metrics()) in PAGE.read_text(), (
        "print the table with: python -m tests.metrics.reference"
    )


def test_every_value_of_a_label_is_told() -> None:
    rows = {
        name: set(re.findall(r"`([^`]+)`", values))
        for name, values in re.findall(r"^\| `(\w+)`[^|]* \| (.*) \|$", PAGE.read_text(), re.M)
    }
    assert set(labels.PAIR_STATISTICS) == rows["stat"]
    assert {*labels.STAGES, labels.OTHER} == rows["stage"]
    reasons = re.findall(r"^\| `reason` of (.+?) \| (.*) \|$", PAGE.read_text(), re.M)
    told = {name: set(re.findall(r"`([^`]+)`", values)) for name, values in reasons}
    assert told == {
        "a refusal": set(labels.REFUSAL_REASONS),
        "a drop": set(labels.DROP_REASONS),
        "a sink's error": set(labels.SINK_REASONS),
    }
