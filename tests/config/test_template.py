"""The file that a newcomer begins with."""

from __future__ import annotations

import re
from pathlib import Path

from streamsel.config.complaints import fields_of
from streamsel.config.sections.feeds import FeedConfig
from streamsel.config.template import TEMPLATE
from tests.config.files import loaded, written

_OPTION = re.compile(r"^( *)# ((?:[a-z_]+|yard-\w+):(?: [^A-Z].*)?)$", re.MULTILINE)


def test_it_is_valid_as_it_is(tmp_path: Path) -> None:
    config = loaded(tmp_path, TEMPLATE)
    assert list(config.feeds) == ["gate"]
    assert config.feed("gate").count == 500


def test_every_option_in_it_is_valid_too(tmp_path: Path) -> None:
    options = [match[2] for match in _OPTION.finditer(TEMPLATE)]
    assert len(options) > 20
    address = tmp_path / "shed"
    address.write_text("rtsp://10.0.0.9/main")
    whole = _OPTION.sub(r"\1\2", TEMPLATE).replace("/run/secrets/shed", str(address))
    config = loaded(tmp_path, whole)
    assert config.sinks.mqtt is not None
    assert config.sinks.mqtt.discovery is not None
    assert config.feed("yard-west").scope == "yard"
    assert config.feed("gate").clip is not None
    assert config.log_level == "info"


def test_it_speaks_of_every_common_option(tmp_path: Path) -> None:
    written(tmp_path, TEMPLATE)
    uncommon = {
        "enabled",
        "look_ahead",
        "open_timeout",
        "read_timeout",
        "tls_ca_file",
    }
    for name in set(FeedConfig.model_fields) - uncommon:
        assert f"{name}:" in TEMPLATE, name
    for section in ("pictures", "sinks", "service", "webrtc"):
        for name in set(fields_of((section,))) - {"token", "allow_insecure"}:
            assert f"{name}:" in TEMPLATE, name
