"""Secrets in files of their own."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streamsel.config.load import load
from streamsel.config.secrets import read_secret, service_token
from streamsel.errors import ConfigurationError
from tests.config.files import loaded, written

SETTING = "service.token_file"


def private(folder: Path, content: bytes) -> Path:
    file = folder / "secret"
    file.write_bytes(content)
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"hunter2", "hunter2"), (b"hunter2\n", "hunter2"), (b"a b \r\n", "a b "), (b"\nx\n", "\nx")],
)
def test_the_line_break_at_the_end_is_left_out(
    tmp_path: Path, content: bytes, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_secret(private(tmp_path, content), SETTING) == secret
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"x" * 70_000])
def test_files_without_a_secret(tmp_path: Path, content: bytes) -> None:
    file = private(tmp_path, content)
    with pytest.raises(ConfigurationError, match=f"^{SETTING}: {file} is "):
        read_secret(file, SETTING)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"token_file: .*/none cannot be read \(No such"):
        read_secret(tmp_path / "none", SETTING)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_others_who_can_read_are_warned_of(
    tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    file = private(tmp_path, b"hunter2")
    file.chmod(mode)
    assert read_secret(file, SETTING) == "hunter2"
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "streamsel.config")
    assert str(file) in record.getMessage()
    assert "hunter2" not in record.getMessage()


def test_what_a_container_is_handed_is_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = private(tmp_path, b"hunter2")
    file.chmod(0o444)
    monkeypatch.setattr("streamsel.config.secrets._HANDED_IN", tmp_path)
    assert read_secret(file, SETTING) == "hunter2"
    assert caplog.records == []


def test_the_token_of_the_service(tmp_path: Path) -> None:
    private(tmp_path, b"from a file\n")
    feeds = "feeds: {gate: {source: x}}\n"

    def token(section: str) -> str | None:
        service = loaded(tmp_path, feeds + section, {"T": "hunter2"}).service
        assert service is not None
        return service_token(service)

    assert token("") is None
    assert token("service: {token: '${T}'}") == "hunter2"
    assert token("service: {token_file: secret}") == "from a file"


WRITTEN = """\
feeds:
  gate: {source: 'rtsp://cam:hunter2@h/1'}
  yard: {source: 'rtsp://cam:${S}@h/1'}
  porch: {source: 'rtsp://h/1'}
sinks:
  mqtt: {host: h, username: u, password: hunter$$2}
service: {token: '${S}'}
"""


def test_secrets_in_a_file_that_others_can_read_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded(tmp_path, WRITTEN, {"S": "hunter3"})
    assert not caplog.records
    file = written(tmp_path, WRITTEN)
    file.chmod(0o644)
    load(file, {"S": "hunter3", "STREAMSEL_FEEDS__PORCH__SOURCE": "rtsp://u:hunter4@h/1"})
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" holds")[0] for line in told] == [
        f"{file}:2: feeds.gate.source",
        f"{file}:6: sinks.mqtt.password",
    ]
    assert "hunter" not in "".join(told)
