"""The files that Prometheus reads, and that each alert tells what it should, when it should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import leave_out
from tests.deploy import quiet_day, runbooks
from tests.deploy.alerts import rules

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
TESTS = Path(__file__).with_name("alerts_test.yml")
METRICS = set(re.findall(r"\bstreamsel_\w+", " ".join(rule["expr"] for rule in rules())))


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        leave_out("promtool is not installed (apt-get install prometheus)")
    return str(found)


def run(*command: object) -> None:
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_settings_can_be_read(promtool: str, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    text = (FOLDER / "prometheus.yml").read_text()
    text = text.replace("/run/secrets/streamsel_token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    run(promtool, "check", "config", tmp_path / "prometheus.yml")


def test_alerts_tell_what_they_should(promtool: str) -> None:
    run(promtool, "test", "rules", TESTS)


def test_a_day_in_which_nothing_is_wrong_has_no_alert(promtool: str, tmp_path: Path) -> None:
    day = quiet_day.a_day()
    assert {one["series"].split("{")[0] for one in day} >= METRICS
    assert_no_alert(promtool, tmp_path, day)


def test_such_a_day_would_tell_of_a_fault(promtool: str, tmp_path: Path) -> None:
    day = [
        {**one, "values": "0x1440"} if one["series"].startswith("streamsel_feed_up") else one
        for one in quiet_day.a_day()
        if one["series"].startswith(("streamsel_feed_up", "streamsel_feed_enabled"))
    ]
    with pytest.raises(AssertionError, match="StreamselFeedDown"):
        assert_no_alert(promtool, tmp_path, day)


def assert_no_alert(promtool: str, folder: Path, day: list[dict[str, Any]]) -> None:
    fired = 'count by (alertname, feed) (count_over_time(ALERTS{alertstate="firing"}[1d]))'
    test = {
        "interval": f"{quiet_day.STEP_SECONDS}s",
        "input_series": day,
        "promql_expr_test": [{"expr": fired, "eval_time": "24h", "exp_samples": []}],
    }
    settings = {
        "rule_files": [str(FOLDER / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [test],
    }
    (folder / "day.yml").write_text(json.dumps(settings))
    run(promtool, "test", "rules", folder / "day.yml")


def test_every_alert_is_tested() -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    fired = {
        one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in rules()}


def test_every_alert_says_what_to_do() -> None:
    page = runbooks.SOURCE.read_text()
    told = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert told == [rule["alert"] for rule in rules()]
    served = runbooks.PAGE.read_text()
    for rule in rules():
        annotations = rule["annotations"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "description", "runbook_url"} == annotations.keys()
        file, anchor = annotations["runbook_url"].split("/user/")[1].split("#")
        assert (runbooks.PAGE.name, f'id="{anchor}"' in served) == (file, True)


def test_the_page_of_runbooks_is_that_of_the_docs() -> None:
    assert runbooks.PAGE.read_text() == runbooks.made()
