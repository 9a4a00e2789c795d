"""Variables in the texts of a file, and settings that the environment makes by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config.environment import fill_in
from streamsel.errors import ConfigurationError
from tests.config.files import loaded, problems

FEEDS = "feeds: {yard-east: {source: rtsp://h/1}, Gate: {source: rtsp://h/2}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${A}", "a"),
        ("<${A}|${A}>", "<a|a>"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-d}", "d"),
        ("${NONE:-}", ""),
        ("${A:-d}", "a"),
        ("${NONE:-rtsp://h:1/a?b=c$d}", "rtsp://h:1/a?b=c$d"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$A", "$$A"),
        ("pa$word", "pa$word"),
        ("$A", "$A"),
        ("${DOLLAR}", "${A}"),
    ],
)
def test_variables_are_filled_in(text: str, expected: str) -> None:
    assert fill_in(text, {"A": "a", "EMPTY": "", "DOLLAR": "${A}"}) == expected


@pytest.mark.parametrize("text", ["${", "${A", "${A b}", "${}", "${1}", "${A:d}", "${A:-{}}x${"])
def test_braces_that_make_no_variable(text: str) -> None:
    with pytest.raises(ConfigurationError, match="without a name"):
        fill_in(text, {"A": "a"})


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(ConfigurationError, match="variable NONE is not set"):
        fill_in("x${NONE}", {})


@given(st.text())
def test_escaped_text_is_itself(text: str) -> None:
    assert fill_in(text.replace("$", "$$"), {}) == text


def test_settings_of_the_environment(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        FEEDS,
        {
            "STREAMSEL_LOG_LEVEL": "debug",
            "STREAMSEL_DEFAULTS__PREFILTER__MIN_SHARPNESS": "null",
            "STREAMSEL_FEEDS__YARD_EAST__COUNT": "50/h",
            "STREAMSEL_FEEDS__GATE__FPS": "5",
            "STREAMSEL_FEEDS__PORCH__SOURCE": "rtsp://h/${3}",
            "STREAMSEL_SINKS__DISK": "null",
            "STREAMSEL_SINKS__MQTT__HOST": "broker",
            "STREAMSEL_SERVICE": "null",
            "STREAMSEL_DEFAULTS__WINDOW": "",
        },
    )
    assert config.log_level == "debug"
    assert config.feed("Gate").prefilter.min_sharpness is None
    assert (config.feed("yard-east").count, config.feed("yard-east").period) == (50, 3600.0)
    assert config.feed("Gate").fps == 5
    assert config.feed("porch").source == "rtsp://h/${3}"
    assert config.sinks.disk is None
    assert config.sinks.mqtt is not None
    assert config.sinks.mqtt.host == "broker"
    assert config.service is None


def test_a_key_within_a_section_goes_before_the_section_being_off(tmp_path: Path) -> None:
    variables = {"STREAMSEL_SERVICE": "null", "STREAMSEL_SERVICE__LISTEN": "localhost:1"}
    service = loaded(tmp_path, FEEDS + "\nservice: null", variables).service
    assert service is not None
    assert service.listen.port == 1


def test_variables_that_kubernetes_sets_are_left_alone(tmp_path: Path) -> None:
    loaded(
        tmp_path,
        FEEDS,
        {
            "STREAMSEL_PORT": "tcp://10.0.0.1:9464",
            "STREAMSEL_SERVICE_HOST": "10.0.0.1",
            "STREAMSEL_SERVICE_PORT_HTTP": "9464",
            "STREAMSEL_PORT_9464_TCP_ADDR": "10.0.0.1",
            "STREAMSEL_": "x",
            "OTHER__NAME": "x",
        },
    )


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("STREAMSEL_SINKS__MQTT__HOTS", "sinks.mqtt.hots is not a setting; did you mean 'host'?"),
        ("STREAMSEL_SINK__DISK", "sink is not a setting; did you mean 'sinks'?"),
        ("STREAMSEL_DEFAULTS__FPS", "defaults.fps is x; it must be a number"),
        ("STREAMSEL_FEEDS__GATE", "feeds.Gate: must hold keys"),
        ("STREAMSEL_SERVICE", "service: must hold keys"),
        ("STREAMSEL___X", "'' is not a setting"),
        ("STREAMSEL_FEEDS__GATE__PREFILTER__BLACK_LEVEL__X", "feeds.Gate.prefilter.black_level is"),
    ],
)
def test_what_the_environment_gets_wrong_names_the_variable(
    tmp_path: Path, variable: str, said: str
) -> None:
    environment = {"STREAMSEL_SINKS__MQTT__HOST": "h", variable: "x"}
    found = [line for line in problems(tmp_path, FEEDS, environment) if said in line]
    assert len(found) == 1
    assert found[0].startswith(f"{variable}: ")


def test_a_variable_that_could_mean_two_feeds(tmp_path: Path) -> None:
    feeds = "feeds: {a-b: {source: x}, a_b: {source: y}}"
    told = problems(tmp_path, feeds, {"STREAMSEL_FEEDS__A_B__COUNT": "5"})
    advice = "matches several feeds (a-b or a_b); set it in the file"
    assert told == [f"STREAMSEL_FEEDS__A_B__COUNT: {advice}"]
