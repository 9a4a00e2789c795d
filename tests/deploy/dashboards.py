"""The dashboards as Grafana reads them: panels, and what they ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))

_LABEL = re.compile(r"{{\s*(\w+)\s*}}|__field\.labels\.(\w+)")


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel asks, and the labels that its legend and links count on."""

    dashboard: str
    panel: str
    expression: str
    labels: frozenset[str]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.expression}"


def dashboard(name: str) -> dict[str, Any]:
    """Read a dashboard."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return read


def panels(name: str) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something; rows are none."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def queries(name: str, **variables: str) -> Iterator[Query]:
    """What a dashboard asks, ``variables`` filled in; its annotations are asked for too."""
    read = dashboard(name)
    for panel in panels(name):
        links = "".join(link["url"] for link in panel.get("links", []))
        for target in panel["targets"]:
            found = _LABEL.findall(target["legendFormat"] + links)
            labels = frozenset(one or other for one, other in found)
            yield Query(name, panel["title"], filled(target["expr"], variables), labels)
    for each in read["annotations"]["list"]:
        yield Query(name, each["name"], filled(each["expr"], variables), frozenset())


def filled(expression: str, variables: dict[str, str]) -> str:
    """Put values in place of variables. Fails where one is left."""
    for name, value in variables.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression
