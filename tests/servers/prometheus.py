"""A real Prometheus that scrapes a service, asked over its own HTTP interface."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.conftest import leave_out
from tests.polling import attempts

_LISTENING = re.compile(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')
_PATIENCE = 30.0


class Prometheus:
    """A server on a free port of the loopback; use as a context manager.

    It scrapes ``target`` (host and port) five times a second. ``scrape`` are more settings of the
    scrape: scheme, authorization, tls_config. ``rules`` is a file of rules, evaluated each
    ``evaluation``, a duration.
    """

    def __init__(
        self,
        folder: Path,
        target: str,
        *,
        scrape: Mapping[str, Any] | None = None,
        rules: Path | None = None,
        evaluation: str = "200ms",
    ) -> None:
        program = shutil.which("prometheus")
        if program is None:
            leave_out("prometheus is not installed (apt-get install prometheus)")
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "global": {"scrape_interval": "200ms", "evaluation_interval": evaluation},
            "rule_files": [] if rules is None else [str(rules)],
            "scrape_configs": [
                {
                    "job_name": "streamsel",
                    "static_configs": [{"targets": [target]}],
                    "scrape_timeout": "200ms",
                    **(scrape or {}),
                }
            ],
        }
        # JSON is YAML, too.
        (folder / "prometheus.yml").write_text(json.dumps(config))
        self._command = [
            str(program),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        for _ in attempts(_PATIENCE):
            if self._process.poll() is not None:
                break
            if found := _LISTENING.search(self.said()):
                self._address = found[1]
                return self
        self.__exit__(None, None, None)
        raise RuntimeError(f"prometheus does not start: {self.said()}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query: labels in ``metric``, time and text in ``value``."""
        return list(self._ask("query", query=expression)["result"])

    def value(self, expression: str) -> float | None:
        """The value of a query with one result; None where there is none."""
        results = self.query(expression)
        return float(results[0]["value"][1]) if results else None

    def samples(
        self, expression: str, begin: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """The result of a range query: labels in ``metric``, times and texts in ``values``."""
        times = {"start": str(begin), "end": str(end), "step": str(step)}
        return list(self._ask("query_range", query=expression, **times)["result"])

    def until(self, expression: str, wanted: float) -> None:
        """Wait until a query has a value; fail with what it is instead."""
        found: float | None = None
        for _ in attempts(_PATIENCE):
            if (found := self._value_once_ready(expression)) == wanted:
                return
        raise AssertionError(f"{expression} is {found}, not {wanted}: {self.targets()}")

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, with the last error of each."""
        return list(self._ask("targets")["activeTargets"])

    def rules(self) -> list[dict[str, Any]]:
        """The groups of rules that it evaluates, with the health of each rule."""
        return list(self._ask("rules")["groups"])

    def _value_once_ready(self, expression: str) -> float | None:
        try:
            return self.value(expression)
        except urllib.error.HTTPError as error:
            if error.code != 503:  # it reads its storage before it answers
                raise
            return None

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"http://{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]
