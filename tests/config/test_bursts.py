"""The limit of bursts, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config.burst import read_burst
from streamsel.config.options import SelectOptions
from streamsel.coreset.values import BurstLimit
from streamsel.errors import ConfigurationError
from streamsel.wiring.selector import burst_limit
from tests.config.files import loaded


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("auto", BurstLimit()),
        ("off", None),
        ("2/10s", BurstLimit(2, 10.0)),
        ("1 / 1m30s", BurstLimit(1, 90.0)),
        ("3/0.5", BurstLimit(3, 0.5)),
    ],
)
def test_a_limit_that_is_one(text: str, limit: BurstLimit | None) -> None:
    assert burst_limit(text) == limit
    assert SelectOptions(burst=text).burst == text


@pytest.mark.parametrize(
    "text", ["", "often", "2", "2/", "/10s", "2/0s", "2/soon", "-1/10s", "0/1s"]
)
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_burst(text)
    with pytest.raises(ConfigurationError, match="burst is"):
        SelectOptions(burst=text)


def test_a_baseline_has_no_bursts() -> None:
    with pytest.raises(ConfigurationError, match="burst needs the online or the two-pass method"):
        SelectOptions(method="uniform", burst="off")


@pytest.mark.parametrize("text", ["off", "'off'", "2/10s"])
def test_a_configuration_may_say_off_without_quotes(text: str, tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        f"""
        defaults: {{burst: {text}}}
        feeds: {{gate: {{source: rtsp://10.0.0.4/main}}}}
        """,
    )
    assert config.feed("gate").burst == text.strip("'")
