"""The plug-ins of docs/how-to/plugins.md, installed beside a service that runs."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from streamsel.cli.main import cli
from streamsel.record.reader import Record
from tests.end_to_end.service import ROOT, Service
from tests.plugins import install
from tests.polling import eventually

PAGE = (ROOT / "docs" / "how-to" / "plugins.md").read_text()
CANARY = "canary-4711-secret"


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Receiver(HTTPServer):
    """Takes what is posted to it; refuses the first."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.refusals = 2
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = self.server.refusals > 0
        self.server.refusals -= refused
        if not refused:
            self.server.posts.append((self.path, told))
        self.send_response(503 if refused else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        yield server
        server.shutdown()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which the package of the page is installed."""
    [announced] = snippets("toml")
    groups = tomllib.loads(announced)["project"]["entry-points"]
    groups["streamsel.sinks"]["torn"] = "laboratory_torn:Sink"
    site = tmp_path / "site"
    install("laboratory", groups, "\n".join(snippets("python")), site, monkeypatch)
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]), "KEY": CANARY}


def test_a_service_reads_a_source_and_feeds_a_sink_of_another_package(
    tmp_path: Path, environment: dict[str, str], receiver: Receiver
) -> None:
    [shown] = snippets("yaml")
    config = yaml.safe_load(shown)
    pictures = np.zeros((6, 90, 160, 3), np.uint8)
    for number, picture in enumerate(pictures):  # pictures that no embedder takes for one another
        picture[:, number * 20 : number * 20 + 60] = np.eye(3)[number % 3] * 255
        picture[number * 10 : number * 10 + 30] = 200 - 30 * number
    np.save(tmp_path / "lab.npy", pictures)
    config["feeds"]["lab"] |= {"source": f"stack:{tmp_path}/lab.npy", "near_duplicate": 0.02}
    url = f"http://127.0.0.1:{receiver.server_port}/kept?key=${{KEY}}"
    config["sinks"]["plugins"]["webhook"]["url"] = url
    with Service(tmp_path, config, environment) as service:
        service.until_up("lab")
        eventually(lambda: len(receiver.posts) >= 3, within=20, what="kept frames are posted")
        assert service.metric("streamsel_sink_errors_total", sink="webhook") >= 2

        # What cannot be is refused with its package, and the service goes on as it was.
        broken = {**config["sinks"], "plugins": {"torn": {}, "nobodys": {}}}
        service.configure({**config, "sinks": broken})
        service.reload()
        eventually(
            lambda: "'nobodys'" in service.said(), within=20, what="the refusal is in the log"
        )
        assert "sink 'torn' of laboratory 1.0 cannot be loaded: ModuleNotFound" in service.said()
        service.until_frames("lab", 3)
        assert service.stop() == 0
        said = service.said()
    assert "webhook: sink 'webhook' of laboratory 1.0 failed: HTTPError" in said
    assert "webhook: works again" in said
    assert CANARY not in said
    assert {path for path, _ in receiver.posts} == {f"/kept?key={CANARY}"}
    with Record.open(tmp_path / "kept") as record:
        kept = {str(frame.key) for frame in record.kept()}
    assert kept
    assert kept <= {told["id"] for _, told in receiver.posts}


def validated(file: Path, text: str) -> str:
    """What the command says of a configuration, and the error it ends with."""
    file.write_text(text)
    checked = CliRunner().invoke(cli, ["config", "validate", str(file)], standalone_mode=False)
    return f"{checked.output}{checked.exception or ''}"


def test_a_configuration_is_checked_against_what_is_installed(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, [good] = tmp_path / "streamsel.yaml", snippets("yaml")
    assert "lab" in validated(file, good)
    assert "sinks" not in validated(file, good)
    assert (
        "sinks.plugins.webhook: sink 'webhook' of laboratory 1.0 refuses its option timeout: "
        "Input should be a valid number"
    ) in validated(file, good.replace("timeout: 2", "timeout: soon"))
    assert "does not take these options" in validated(file, good.replace("timeout:", "patience:"))
    monkeypatch.setattr(
        sys, "path", [place for place in sys.path if Path(place) != tmp_path / "site"]
    )
    told = validated(file, good)
    assert "no installed package adds a sink 'webhook'" in told
    assert "or NAME:... of an installed plug-in" in told
