from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamsel.errors import ConfigurationError
from streamsel.sinks.mqtt.options import MqttOptions, TlsOptions
from streamsel.sinks.mqtt.payloads import Topics

SECRET = "open sesame"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host": ""}, "mqtt.host"),
        ({"host": "mqtt://user:x@broker"}, "mqtt.host must be the name or the address"),
        ({"port": 0}, r"mqtt.port is 0; it must lie in 1..65,535"),
        ({"keepalive": 4}, "mqtt.keepalive is 4"),
        ({"max_messages": 0}, "mqtt.max_messages is 0"),
        ({"max_bytes": 1_000}, "mqtt.max_bytes is 1,000; it must be at least 1,048,576"),
        ({"message_expiry": 0.5}, "mqtt.message_expiry is 0.5 s"),
        ({"durability": "lax"}, "mqtt.durability is 'lax'; it must be one of strict, batched"),
        ({"prefix": "a/+/b"}, "mqtt.prefix is 'a/\\+/b'"),
        ({"prefix": "/a"}, "mqtt.prefix"),
        ({"prefix": "$SYS"}, "mqtt.prefix"),
        ({"discovery_prefix": "home#"}, "mqtt.discovery_prefix"),
        ({"password": SECRET}, "a password needs a username"),
        ({"username": "a", "password": SECRET, "password_file": Path("x")}, "not both"),
    ],
)
def test_what_cannot_be_is_refused_and_says_what_to_do(
    changes: dict[str, object], told: str
) -> None:
    made: Callable[..., MqttOptions] = MqttOptions
    with pytest.raises(ConfigurationError, match=told) as refused:
        made(**({"host": "broker"} | changes))
    assert SECRET not in str(refused.value)


def test_half_a_certificate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cert_file and key_file together"):
        TlsOptions(cert_file=Path("cert.pem"))


def test_the_password_never_shows() -> None:
    options = MqttOptions(host="broker", username="edge", password=SECRET)
    assert SECRET not in repr(options)
    assert SECRET not in str(options)


@pytest.mark.parametrize("feed", ["", "a/b", "gate+", "#", "nul\0"])
def test_a_feed_that_would_lead_out_of_its_topics_is_refused(feed: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be part of an MQTT topic"):
        Topics("streamsel").image(feed)
