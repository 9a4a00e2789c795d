"""The reference page tells every metric, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from streamsel.decisions import DROP_REASONS
from streamsel.metrics import labels
from tests.metrics.reference import table
from tests.metrics.scenario import busy_metrics, samples

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
    assert set(labels.FAULTS) == rows["fault"]
    assert {*labels.STAGES, labels.OTHER} == rows["stage"]
    reasons = re.findall(r"^\| `reason` of (.+?) \| (.*) \|$", PAGE.read_text(), re.M)
    told = {name: set(re.findall(r"`([^`]+)`", values)) for name, values in reasons}
    assert told == {
        "a refusal": set(labels.REFUSAL_REASONS),
        "a drop": set(DROP_REASONS),
        "a sink's error": set(labels.SINK_REASONS),
    }


def test_one_list_says_why_frames_are_dropped() -> None:
    told = re.findall(
        r"^\| `([\w-]+)` \| ((?:not judged|judged|kept|recalled).*) \|$", PAGE.read_text(), re.M
    )
    assert dict(told) == DROP_REASONS
    runbook = (PAGE.parents[1] / "how-to" / "runbooks.md").read_text()
    section = runbook.partition("## StreamselDroppingFrames")[2].partition("\n## ")[0]
    assert all(f"`{reason}`" in section for reason in DROP_REASONS)


def test_no_drop_is_counted_as_other() -> None:
    values = samples(busy_metrics())
    counted = {
        dict(labels)["reason"]: value
        for (name, labels), value in values.items()
        if name == "streamsel_frames_dropped_total"
    }
    assert counted == dict.fromkeys(DROP_REASONS, 4.0)
