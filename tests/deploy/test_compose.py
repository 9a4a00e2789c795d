"""The edge box of containers: what compose, the broker and the service make of its files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.files import loaded
from tests.conftest import leave_out
from tests.end_to_end.service import free_port
from tests.polling import eventually

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
_OURS = {"streamsel", "mosquitto", "prometheus", "grafana"}


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy of the folder, with secrets of its own."""
    copy = tmp_path / "deploy"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets", ".env"))
    subprocess.run([copy / "secrets.sh"], check=True)
    return copy


def composed(deploy: Path, *options: str) -> dict[str, Any]:
    """What compose makes of the file."""
    if shutil.which("docker-compose") is not None:
        command = ["docker-compose"]
    elif subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        command = ["docker", "compose"]
    else:
        leave_out("compose is not installed (apt-get install docker-compose)")
    told = subprocess.run(
        [*command, *options, "config"], cwd=deploy, capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, ""), told.stderr
    read: dict[str, Any] = yaml.safe_load(told.stdout)
    return read


def test_compose_reads_the_file(deploy: Path) -> None:
    assert composed(deploy)["services"].keys() >= _OURS
    assert "test-camera" in composed(deploy, "--profile", "test")["services"]


def test_every_service_is_shut_tight(deploy: Path) -> None:
    for name, service in composed(deploy, "--profile", "test")["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        for port in service.get("ports", []):
            assert "127.0.0.1" in str(port), name


def test_every_service_is_bounded_and_looked_after(deploy: Path) -> None:
    for name, service in composed(deploy, "--profile", "test")["services"].items():
        assert service["mem_limit"], name
        assert 0 < int(service["pids_limit"]) <= 2048, name
        # The image of the service has its own.
        assert ("healthcheck" in service) == (name != "streamsel"), name


def test_files_and_secrets_that_are_mounted_exist(deploy: Path) -> None:
    read = composed(deploy, "--profile", "test")
    mounted = re.findall(
        r"^\s+- (\./[\w./-]+):", (deploy / "compose.yaml").read_text(), re.MULTILINE
    )
    mounted += re.findall(r'"(\./[\w./-]+):', (deploy / "compose.yaml").read_text())
    assert len(mounted) > 5
    for path in mounted:
        assert (deploy / path).exists(), path
    assert {Path(one["file"]).read_text() for one in read["secrets"].values()}
    for secret in read["secrets"].values():
        assert (deploy / "secrets" / Path(secret["file"]).name).stat().st_size > 60


def test_secrets_stay_and_stay_secret(deploy: Path) -> None:
    folder = deploy / "secrets"
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert len(set(before.values())) == 4
    subprocess.run([deploy / "secrets.sh"], check=True)
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o077 == 0
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}


def test_the_service_reads_its_settings(tmp_path: Path) -> None:
    config = loaded(tmp_path, (FOLDER / "streamsel/streamsel.yaml").read_text(), {})
    assert config.feeds["gate"].source.get_secret_value().endswith("test-camera:8554/gate")
    assert config.service is not None
    assert config.service.token_file == Path("/run/secrets/streamsel_token")
    assert config.sinks.disk is not None
    assert config.sinks.disk.path == Path("/data/kept")


@contextmanager
def broker(deploy: Path, folder: Path) -> Iterator[int]:
    """The broker, started by its own script; only its places are others."""
    if shutil.which("mosquitto_passwd") is None:
        leave_out("mosquitto is not installed (apt-get install mosquitto mosquitto-clients)")
    port = free_port()
    folder.chmod(0o755)
    places = {
        "/run/secrets": str(deploy / "secrets"),
        "/tmp/passwords": str(folder / "passwords"),
        "/tmp/access": str(folder / "access"),
        "/mosquitto/config": str(deploy / "mosquitto"),
        "/mosquitto/data/": f"{folder}/",
        "listener 1883": f"listener {port} 127.0.0.1\nuser root",
    }
    pattern = re.compile("|".join(map(re.escape, places)))
    for name in ("start.sh", "mosquitto.conf"):
        file = deploy / "mosquitto" / name
        file.write_text(pattern.sub(lambda found: places[found[0]], file.read_text()))
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    command = ["sh", str(deploy / "mosquitto/start.sh")]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        try:
            viewer = secret(deploy, "mqtt_viewer_password")
            eventually(
                lambda: publish(port, "viewer", viewer, "streamsel/gate/count/set") == 0,
                within=10,
                what="the broker answers",
            )
            yield port
        finally:
            process.terminate()


def secret(deploy: Path, name: str) -> str:
    return (deploy / "secrets" / name).read_text().strip()


def publish(port: int, user: str, password: str, topic: str) -> int:
    """Publish in MQTT 5, which says whether it was allowed; return the exit code."""
    words = ["mosquitto_pub", "-V", "5", "-q", "1", "-p", str(port), "-u", user, "-P", password]
    told = subprocess.run([*words, "-t", topic, "-m", "x"], capture_output=True, text=True)
    return (
        1
        if "denied" in told.stderr.lower() or "not authorized" in told.stderr.lower()
        else told.returncode
    )


def test_the_broker_lets_in_who_it_should(deploy: Path, tmp_path: Path) -> None:
    with broker(deploy, tmp_path / "deploy") as port:
        service = secret(deploy, "mqtt_password")
        viewer = secret(deploy, "mqtt_viewer_password")
        assert publish(port, "streamsel", service, "streamsel/events") == 0
        assert (
            publish(port, "streamsel", service, "homeassistant/device/streamsel/gate/config") == 0
        )
        assert publish(port, "viewer", viewer, "streamsel/gate/count/set") == 0
        assert publish(port, "streamsel", service, "elsewhere") != 0
        assert publish(port, "viewer", viewer, "streamsel/events") != 0
        assert publish(port, "viewer", service, "streamsel/gate/count/set") != 0
        assert publish(port, "nobody", "", "streamsel/events") != 0


def test_the_broker_is_looked_after_by_a_command_that_asks_it(deploy: Path, tmp_path: Path) -> None:
    service = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]["mosquitto"]
    words = service["healthcheck"]["test"].replace("$$", "$")
    words = words.replace("/run/secrets", str(deploy / "secrets"))
    with broker(deploy, tmp_path / "deploy") as port:
        asked = ["sh", "-c", words.replace("-p 1883", f"-p {port}")]
        assert subprocess.run(asked, capture_output=True).returncode == 0
    assert subprocess.run(asked, capture_output=True).returncode != 0


def test_the_camera_to_try_shows_what_its_settings_say() -> None:
    paths = yaml.safe_load((FOLDER / "mediamtx/mediamtx.yml").read_text())["paths"]
    words = paths["gate"]["runOnInit"].split()
    assert words[-1] == "rtsp://localhost:8554/gate"
    local = [*words[: words.index("-f", words.index("-i"))], "-t", "1", "-f", "null", "-"]
    if shutil.which("ffmpeg") is None:
        leave_out("ffmpeg is not installed (apt-get install ffmpeg)")
    told = subprocess.run(local, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def test_grafana_finds_what_it_is_told_of() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["grafana"]
    mounts = dict(
        each.removesuffix(":ro").split(":") for each in compose["volumes"] if each[0] == "."
    )
    provider = yaml.safe_load(
        (FOLDER / "grafana/provisioning/dashboards/streamsel.yaml").read_text()
    )
    place = provider["providers"][0]["options"]["path"]
    assert mounts["./grafana/dashboards"] == place
    home = compose["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert json.loads((FOLDER / "grafana/dashboards" / Path(home).name).read_text())
    source = yaml.safe_load(
        (FOLDER / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
