"""What Grafana would draw: every panel asked of a real Prometheus that scrapes a real service."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import alerts
from tests.deploy.dashboards import NAMES, ROOT, Query, dashboard, panels, queries
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.broker import Broker
from tests.servers.clips import camera_clip
from tests.servers.prometheus import Prometheus
from tests.servers.rtsp import Mount, RtspServer

_KNOWN_UNITS = {"none", "short", "fps", "s", "bytes", "percentunit"}
_VARIABLES = {"__rate_interval": "5s", "instance": ".*", "feed": "gate", "coreset": "gate"}
# Nothing restarts and nothing fails here; that these are asked rightly is all that can be told.
_QUIET = {"restarts"}
_SELECTOR = re.compile(r"\b(?:streamsel_\w+|up)\b(?:\{[^}]*\})?")


@dataclass(frozen=True, slots=True)
class Yard:
    """A service with two cameras and one that is dead, and who watches it."""

    service: Service
    prometheus: Prometheus
    camera: RtspServer


@pytest.fixture(scope="module")
def yard(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    clip = camera_clip(ffmpeg, folder / "camera.mp4", size=(320, 180))
    with (
        RtspServer(folder, {"/main": Mount([clip])}) as camera,
        Broker(folder / "broker") as broker,
    ):
        config = {
            "defaults": {"count": 20, "near_duplicate": 0.02},
            "feeds": {
                "gate": {"source": camera.url("/main")},
                "yard": {"source": camera.url("/main"), "fps": "5"},
                "attic": {"source": "rtsp://127.0.0.1:9/none"},
            },
            "sinks": {
                "disk": {"path": "kept", "max_bytes": "10MB"},
                "mqtt": {"host": "127.0.0.1", "port": broker.port},
            },
        }
        with Service(folder, config) as service:
            service.until_up("gate", "yard")
            service.until_frames("gate", 100)
            target = f"127.0.0.1:{service.port}"
            with Prometheus(folder / "prometheus", target, rules=alerts.FILE) as prometheus:
                yield Yard(service, prometheus, camera)


def asked() -> list[Query]:
    return [query for name in NAMES for query in queries(name, **_VARIABLES)]


def test_every_panel_shows_something(yard: Yard) -> None:
    yard.prometheus.until("count(streamsel_feed_up)", 3)
    for query in asked():
        if query.panel in _QUIET:
            yard.prometheus.query(query.expression)
            continue
        found = eventually(partial(told, yard, query.expression), within=20, what=f"empty: {query}")
        for result in found:
            assert query.labels <= result["metric"].keys(), query


def told(yard: Yard, expression: str) -> list[dict[str, Any]] | None:
    """The results that have a value; None where there is none."""
    results = yard.prometheus.query(expression)
    return [one for one in results if not math.isnan(float(one["value"][1]))] or None


def test_what_is_shown_is_so(yard: Yard) -> None:
    of = {query.panel: query.expression for query in queries("fleet", **_VARIABLES)}
    yard.prometheus.until(of["Feeds up"], 2)
    yard.prometheus.until(of["Feeds down"], 1)
    yard.prometheus.until("streamsel_store_limit_bytes", 10_000_000)
    of = {query.panel: query.expression for query in queries("feed", **_VARIABLES)}
    yard.prometheus.until(of["Maximum"], 20)
    yard.prometheus.until(f"({of['Coverage radius']}) > bool 0", 1)
    yard.prometheus.until(f"({of['Frames seen']}) > bool 0", 1)


def test_every_alert_asks_for_what_there_is(yard: Yard) -> None:
    for rule in alerts.rules():
        for selector in _SELECTOR.findall(rule["expr"]):
            eventually(
                partial(yard.prometheus.query, selector),
                within=20,
                what=f"{rule['alert']}: {selector}",
            )
    known = [rule for group in yard.prometheus.rules() for rule in group["rules"]]
    assert {rule["name"] for rule in known} == {rule["alert"] for rule in alerts.rules()}
    eventually(
        lambda: (
            {rule["health"] for group in yard.prometheus.rules() for rule in group["rules"]}
            == {"ok"}
        ),
        within=20,
        what="every rule can be evaluated",
    )


def test_the_queries_of_the_reference_have_answers(yard: Yard) -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    asked = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    assert asked
    for expression in asked:
        found = eventually(partial(told, yard, expression), within=20, what=expression)
        assert {one["metric"]["feed"] for one in found} >= {"gate", "yard"}


def test_a_dead_camera_is_about_to_be_told_of(yard: Yard) -> None:
    pending = 'ALERTS{alertname="StreamselFeedDown", alertstate="pending"}'
    found = eventually(lambda: yard.prometheus.query(pending), within=20, what="it is pending")
    assert [one["metric"]["feed"] for one in found] == ["attic"]


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_well_made(name: str) -> None:
    read = dashboard(name)
    assert read["uid"] == f"streamsel-{name}"
    every = Counter(panel["id"] for panel in read["panels"])
    assert max(every.values()) == 1
    titles = Counter(panel["title"] for panel in panels(name) if panel["type"] != "stat")
    for panel in panels(name):
        title = panel["title"]
        assert panel["description"].endswith("."), title
        assert panel["fieldConfig"]["defaults"]["unit"] in _KNOWN_UNITS, title
        assert panel["datasource"]["uid"] == "${datasource}", title
        assert all(each["datasource"]["uid"] == "${datasource}" for each in panel["targets"]), title
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, title
    assert max(titles.values()) == 1, titles
    for one, other in combinations(read["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_links_lead_to_dashboards_that_there_are() -> None:
    known = {dashboard(name)["uid"] for name in NAMES}
    for name in NAMES:
        text = (ROOT / "deploy" / "grafana" / "dashboards" / f"{name}.json").read_text()
        assert set(re.findall(r'"/d/([\w-]+)', text)) <= known


def test_every_metric_is_looked_at() -> None:
    """What the service tells is on a dashboard or asked by an alert."""
    documented = re.findall(
        r"^\| `(streamsel_\w+)`", (ROOT / "docs/reference/metrics.md").read_text(), re.M
    )
    text = " ".join(query.expression for query in asked()) + alerts.FILE.read_text()
    text += "".join(map(str, (dashboard(name)["templating"] for name in NAMES)))
    assert [metric for metric in documented if metric not in text] == []
