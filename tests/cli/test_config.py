"""``streamsel config`` as its user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.running import streamsel

SECRETS = """\
feeds:
  gate: {source: 'rtsp://cam:${GATE_PASSWORD}@10.0.0.4/main'}
sinks:
  mqtt: {host: broker, username: edge, password: hunter3, tls: {ca_file: ca.pem}}
"""


def test_init_then_validate_then_show(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    begun = streamsel("config", "init", file)
    assert (begun.code, begun.out) == (0, "")
    checked = streamsel("config", "validate", file)
    assert checked.code == 0
    assert checked.out == f"{file}: ok, 1 feed\n  gate: rtsp://10.0.0.4/main\n"
    shown = streamsel("config", "show", file, "--resolved")
    assert yaml.safe_load(shown.out)["feeds"]["gate"]["count"] == 500
    (tmp_path / "again.yaml").write_text(shown.out)
    again = streamsel("config", "show", tmp_path / "again.yaml", "--resolved")
    assert (again.code, again.out) == (0, shown.out)


def test_init_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text("mine")
    ended = streamsel("config", "init", file)
    assert ended.code == 2
    assert ended.err == f"streamsel: {file}: exists already; give another name\n"
    assert file.read_text() == "mine"
    assert streamsel("config", "init", tmp_path / "none" / "x.yaml").code == 2


def test_mistakes_are_told_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text("defaults: {count: 0}\nfeeds:\n  gate: {sorce: x}\n")
    ended = streamsel("config", "validate", file)
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    must = "a whole number of frames, at least 1 and at most 100,000"
    assert lines[0] == f"{file}:1: defaults.count is 0; it must be {must}"
    assert f"{file}:3: feeds.gate.sorce is not a setting; did you mean 'source'?" in lines
    assert len(lines) == 3
    told = streamsel("config", "validate", file, "--json")
    assert told.code == 2
    assert told.json == {"valid": False, "problems": lines, "missing": []}
    assert streamsel("config", "show", file).code == 2


def test_no_secret_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text(SECRETS)
    monkeypatch.setenv("GATE_PASSWORD", "hunter2")
    for arguments in (["validate"], ["show"], ["show", "--resolved"], ["show", "--json"]):
        ended = streamsel("config", *arguments, file)
        assert ended.code == 0, ended.err
        assert "rtsp://cam:***@10.0.0.4/main" in ended.out
        assert "hunter" not in ended.out + ended.err + caplog.text
        assert "sinks.mqtt.password holds a secret" in caplog.text
        caplog.clear()


def test_validate_names_feeds_and_missing_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text(SECRETS)
    monkeypatch.setenv("GATE_PASSWORD", "x")
    ended = streamsel("config", "validate", file, "--json")
    assert ended.json == {
        "valid": True,
        "problems": [],
        "missing": [f"sinks.mqtt.tls.ca_file: {tmp_path}/ca.pem is not there yet"],
        "feeds": [{"feed": "gate", "source": "rtsp://cam:***@10.0.0.4/main", "scope": "gate"}],
    }
    said = streamsel("config", "validate", file)
    assert f"sinks.mqtt.tls.ca_file: {tmp_path}/ca.pem is not there yet\n" in said.err
    assert (said.code, streamsel("config", "validate", file, "--quiet").out) == (0, "")


def test_feeds_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text("feeds: {gate: {source: 'rtsp://gate'}, yard: {source: 'rtsp://yard'}}")
    told = streamsel("config", "validate", file)
    expected = f"{file}: ok, 2 feeds\n  gate: rtsp://gate\n  yard: rtsp://yard\n"
    assert (told.code, told.out, told.err) == (0, expected, "")


def test_the_environment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text("feeds: {gate: {source: x}}")
    monkeypatch.setenv("STREAMSEL_DEFAULTS__COUNT", "50/h")
    shown = streamsel("config", "show", file, "--json")
    assert shown.json["defaults"]["count"] == "50/h"
    monkeypatch.setenv("STREAMSEL_DEFAULTS__COUNT", "x")
    wrong = streamsel("config", "validate", file)
    assert wrong.code == 2
    assert wrong.err.startswith("STREAMSEL_DEFAULTS__COUNT: defaults.count is x; write a number")


def test_the_schema_is_printed() -> None:
    ended = streamsel("config", "schema")
    assert ended.code == 0
    assert ended.json["properties"]["feeds"]["minProperties"] == 1


def test_help_needs_no_model_of_the_configuration() -> None:
    code = (
        "import sys; from streamsel.cli.main import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'pydantic', 'yaml', 'torch', 'av'} & set(sys.modules)"
    )
    for arguments in (["--help"], ["config", "--help"], ["config", "init", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert "Usage" in ended.stdout


def test_the_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert streamsel("config", "init").code == 0
    assert (tmp_path / "streamsel.yaml").exists()
    assert streamsel("config", "validate").out.startswith("streamsel.yaml: ok")
    shown = streamsel("config", "show", "--json")
    assert shown.json["sinks"]["disk"]["path"] == f"{tmp_path}/kept"
