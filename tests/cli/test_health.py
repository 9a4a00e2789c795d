"""``streamsel health``: whether the service of a configuration answers."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.cli.running import Ended, streamsel
from tests.servers.broker import certify
from tests.servers.web import LOOPBACK, WebServer


def health(folder: Path, service: object) -> Ended:
    file = folder / "streamsel.yaml"
    file.write_text(yaml.safe_dump({"feeds": {"gate": {"source": "x"}}, "service": service}))
    return streamsel("health", "-c", file)


@pytest.mark.parametrize("speaks_tls", [False, True])
def test_a_service_that_answers_is_healthy_and_one_that_refuses_is_not(
    tmp_path: Path, speaks_tls: bool
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    # The name is another: a service is asked by the address it listens at.
    certificates = certify(tmp_path / "tls", "elsewhere.example") if speaks_tls else None
    with WebServer(served, tls=certificates) as server:
        port = urlsplit(server.url("/healthz")).port
        service: dict[str, object] = {"listen": f"{LOOPBACK}:{port}"}
        if certificates is not None:
            files = {"cert_file": certificates.certificate, "key_file": certificates.key}
            service["tls"] = {name: str(file) for name, file in files.items()}
        scheme = "https" if speaks_tls else "http"
        refused = health(tmp_path, service)
        assert refused.code == 1
        assert refused.err == f"streamsel: {scheme}://{LOOPBACK}:{port}/healthz: answers 404\n"
        (served / "healthz").touch()
        assert health(tmp_path, service) == Ended(0, b"", "")


def test_where_nothing_listens_there_is_no_answer(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
    ended = health(tmp_path, {"listen": f"{LOOPBACK}:{port}"})
    assert ended.code == 1
    assert f"http://{LOOPBACK}:{port}/healthz: no answer: " in ended.err


def test_a_configuration_without_a_server_is_a_mistake(tmp_path: Path) -> None:
    ended = health(tmp_path, None)
    assert ended.code == 2
    assert "service is null, so nothing answers" in ended.err
