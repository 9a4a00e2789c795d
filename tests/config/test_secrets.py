"""Secrets in files of their own."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest
import yaml

from streamsel.config.load import load
from streamsel.config.secrets import read_secret, service_token
from streamsel.errors import ConfigurationError
from streamsel.http.options import ServiceOptions
from streamsel.redaction import redact
from tests.canaries import ANYWHERE, FORMS
from tests.config.files import loaded, problems, written

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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
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


def test_a_token_as_openssl_writes_it_into_a_file_is_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = "umask 022; openssl rand -hex 32 > token"
    subprocess.run(["sh", "-c", made], cwd=tmp_path, check=True)
    token = read_secret(tmp_path / "token", SETTING)
    assert ServiceOptions(host="0.0.0.0", token=token).token == token
    (record,) = caplog.records
    assert record.getMessage().endswith(f"others can read {tmp_path / 'token'}; chmod 600 it")


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


CANARY = "canary4711Zx"


@pytest.mark.parametrize(
    "form", [*(form for form in FORMS if "p/{" not in form), *ANYWHERE, "{secret}"]
)
def test_what_came_from_the_environment_is_masked_wherever_it_stands(
    tmp_path: Path, form: str
) -> None:
    source = form.format(secret="${CANARY}", host="10.0.0.4")
    text = yaml.safe_dump({"feeds": {"gate": {"source": source}}})
    config = loaded(tmp_path, text, {"CANARY": CANARY})
    feed = config.feed("gate")
    assert CANARY in feed.source
    shown = [feed.address, repr(config), config.model_dump_json(), redact(feed.source)]
    shown += [
        redact(f"{feed.source} was lost"),
        redact(f"no host {CANARY}:443"),
        redact(f"GET /{CANARY}"),
    ]
    assert CANARY not in "".join(shown)


def test_of_a_whole_address_from_elsewhere_its_scheme_is_told(tmp_path: Path) -> None:
    private(tmp_path, b"rtsp://10.0.0.4/hidden\n")
    text = (
        "feeds: {gate: {source: '${URL}'}, yard: {source_file: secret}, street: {source: '${H}'}}"
    )
    environment = {"URL": "https://10.0.0.5/also-hidden", "H": "rtsp://10.0.0.6/hidden-too"}
    config = loaded(tmp_path, text, environment)
    assert [config.feed(name).address for name in config.feeds] == [
        "https://***",
        "rtsp://***",
        "rtsp://***",
    ]
    assert config.feed("yard").source == "rtsp://10.0.0.4/hidden"


def test_what_the_file_says_where_a_variable_is_not_set_is_no_secret(tmp_path: Path) -> None:
    text = "feeds: {gate: {source: 'rtsp://${HOST:-10.0.0.4}/${PATH_:-main}'}}"
    assert loaded(tmp_path, text, {"HOST": ""}).feed("gate").address == "rtsp://10.0.0.4/main"


def test_this_machine_and_numbers_stay_readable_in_messages(tmp_path: Path) -> None:
    text = "feeds: {gate: {source: 'rtsp://${HOST}:${PORT}/main'}}"
    config = loaded(tmp_path, text, {"HOST": "127.0.0.1", "PORT": "8554"})
    assert config.feed("gate").address == "rtsp://***:***/main"
    assert redact("listening on http://127.0.0.1:9464 and 8554") == (
        "listening on http://127.0.0.1:9464 and 8554"
    )


def test_secrets_of_settings_and_files_are_known(tmp_path: Path) -> None:
    private(tmp_path, b"from-a-file\n")
    service = loaded(
        tmp_path,
        "feeds: {gate: {source: x}}\nservice: {token_file: secret}\n"
        "sinks: {mqtt: {host: h, username: u, password: written}}",
    ).service
    assert service is not None
    service_token(service)
    assert redact("from-a-file, and written so") == "***, and *** so"


@pytest.mark.parametrize(
    ("feed", "wrong"),
    [
        ("{source_file: none}", "source_file: "),
        ("{source_file: secret, source: x}", "give either source or source_file, not both"),
        ("{source_file: bad}", "it must be a URL with a host"),
        ("{}", "source is missing"),
    ],
)
def test_a_file_that_is_no_source(tmp_path: Path, feed: str, wrong: str) -> None:
    private(tmp_path, b"rtsp://10.0.0.4/main")
    (tmp_path / "bad").write_text("rtsp://cam:hunter2/x@h/1")
    (told,) = problems(tmp_path, f"feeds:\n  gate: {feed}")
    assert told.startswith("streamsel.yaml:2: ")
    assert wrong in told
    assert "hunter2" not in told
