"""What a configuration comes to for each feed, and what it refuses."""

from __future__ import annotations

import socket
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from streamsel.config.definitions import DEFAULT_COUNT
from streamsel.config.listen import Listen
from streamsel.config.schema import Config
from streamsel.config.sections.feeds import PrefilterConfig
from streamsel.config.settings import ClipSettings
from streamsel.prefilter.options import PrefilterOptions
from tests.config.files import ONE_FEED

TLS = {"cert_file": "cert.pem", "key_file": "key.pem"}


def config(**sections: Any) -> Config:
    return Config.model_validate({**ONE_FEED, **sections})


def refused(**sections: Any) -> None:
    with pytest.raises(ValidationError):
        config(**sections)


def two_feeds(first: dict[str, Any], second: dict[str, Any], **sections: Any) -> Config:
    feeds = {"a": {"source": "rtsp://a/1", **first}, "b": {"source": "rtsp://b/1", **second}}
    return config(feeds=feeds, **sections)


def refusal(**sections: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        config(**sections)
    return str(refused.value)


def test_a_feed_and_nothing_else_is_enough() -> None:
    whole = config()
    feed = whole.feed("gate")
    assert (feed.count, feed.period, feed.share) == (DEFAULT_COUNT, None, None)
    assert feed.prefilter == PrefilterOptions()
    assert feed.clip is None
    assert feed.scope == "gate"
    assert whole.sinks.disk is not None
    assert whole.sinks.mqtt is None
    assert whole.service is not None
    assert whole.service.listen == Listen("127.0.0.1", 9464)


def test_a_feed_says_what_differs_from_the_defaults() -> None:
    whole = two_feeds(
        {"window": None, "transport": "udp", "fps": 5},
        {},
        defaults={"window": "24h", "fps": 10, "near_duplicate": "0.2", "down_after": "1m"},
    )
    a, b = whole.feed("a"), whole.feed("b")
    assert (a.window, a.transport, a.fps) == (None, "udp", 5.0)
    assert (b.window, b.transport, b.fps) == (86_400.0, "tcp", 10.0)
    assert a.near_duplicate == b.near_duplicate == 0.2
    assert a.down_after == b.down_after == 60.0


def test_screen_and_clip_are_merged_key_by_key() -> None:
    whole = two_feeds(
        {"prefilter": {"min_sharpness": None}, "clip": {"before": "5s"}},
        {"clip": None},
        defaults={"prefilter": {"black_level": 9}, "clip": {"after": "9s"}},
    )
    a, b = whole.feed("a"), whole.feed("b")
    assert a.prefilter == PrefilterOptions(black_level=9, min_sharpness=None)
    assert b.prefilter == PrefilterOptions(black_level=9)
    assert a.clip == ClipSettings(before=5.0, after=9.0)
    assert b.clip is None


@pytest.mark.parametrize(
    ("defaults", "own", "expected"),
    [
        ({"share": "20%"}, {"count": 7}, (7, None, None)),
        ({"count": 7}, {"share": 0.5}, (None, None, 0.5)),
        ({"count": "50/h"}, {}, (50, 3600.0, None)),
        ({"count": "50/h"}, {"count": 9}, (9, None, None)),
        ({"count": 7}, {"count": None}, (7, None, None)),
        ({"share": 0.1}, {}, (None, None, 0.1)),
    ],
)
def test_a_feeds_own_budget_replaces_the_common_one(
    defaults: dict[str, Any], own: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    feed = two_feeds(own, {}, defaults=defaults).feed("a")
    assert (feed.count, feed.period, feed.share) == expected


def test_screen_options_are_all_there_with_the_same_defaults() -> None:
    assert PrefilterConfig().model_dump() == asdict(PrefilterOptions())


def test_the_port_of_a_broker_depends_on_tls() -> None:
    def port(**mqtt: Any) -> int:
        sink = config(sinks={"mqtt": {"host": "broker", **mqtt}}).sinks.mqtt
        assert sink is not None
        return sink.port

    assert port() == 1883
    assert port(tls={}) == 8883
    assert port(tls={}, port="1884") == 1884


@pytest.mark.parametrize(
    ("written", "prefix"),
    [(True, "homeassistant"), ("on", "homeassistant"), ({"prefix": "ha"}, "ha"), (False, None)],
)
def test_discovery_is_a_switch_or_a_section(written: object, prefix: str | None) -> None:
    sink = config(sinks={"mqtt": {"host": "broker", "discovery": written}}).sinks.mqtt
    assert sink is not None
    assert (None if sink.discovery is None else sink.discovery.prefix) == prefix


def test_nothing_can_be_changed() -> None:
    whole = config()
    with pytest.raises(ValidationError, match="frozen"):
        whole.defaults.count = None


def test_no_secret_shows_when_a_configuration_is_printed() -> None:
    whole = config(
        feeds={"gate": {"source": "rtsp://cam:hunter2@10.0.0.4/main?token=hunter3"}},
        sinks={"mqtt": {"host": "h", "username": "edge", "password": "hunter4"}},
        service={"token": "hunter5"},
    )
    feed = whole.feed("gate")
    assert feed.source == "rtsp://cam:hunter2@10.0.0.4/main?token=hunter3"
    shown = [repr(whole), str(whole), repr(feed), feed.address, whole.model_dump_json()]
    assert "hunter" not in "".join([*shown, repr(whole.model_dump())])
    assert feed.address == "rtsp://cam:***@10.0.0.4/main?token=***"


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://10.0.0.4/main",
        "rtsp://cam:1234@10.0.0.4:554/main?x=1",
        "rtsp://cam:p%40w@[::1]/main",
        "rtsp://cam:p'\"w@host/main",
        "whep+https://host/cam/whep",
        "/dev/video0",
        "0",
        "recordings/walk at 10:30.mp4",
        "basler://?serial=5",
    ],
)
def test_where_feeds_come_from(source: str) -> None:
    assert config(feeds={"gate": {"source": source}}).feed("gate").source == source


@pytest.mark.parametrize(
    ("source", "known_as"),
    [
        ("file:///srv/walk.mp4", "file:/srv/walk.mp4?pace=1"),
        ("file:/srv/walk.mp4?pace=0", "file:/srv/walk.mp4?pace=0"),
        ("file:walk at 10:30.mp4?pace=2.5", "file:walk at 10:30.mp4?pace=2.5"),
    ],
)
def test_a_file_is_a_place_with_a_pace(source: str, known_as: str) -> None:
    settings = config(feeds={"gate": {"source": source}}, defaults={"clip": {}}).feed("gate")
    assert settings.source == settings.address == known_as
    # Of a default that cannot be had there, nothing is said.
    assert settings.clip is None
    refused(feeds={"gate": {"source": source, "clip": {}}})
    refused(feeds={"gate": {"source": "file:clip.mp4?pace=fast"}})


def test_pictures_that_are_asked_for_have_an_interval() -> None:
    source = "snapshot+http://me:canary@10.0.0.4/still.jpg"
    gate = {"source": source, "interval": "1m"}
    settings = config(feeds={"gate": gate}, defaults={"clip": {}, "decode": "keyframes"}).feed(
        "gate"
    )
    assert (settings.interval, settings.clip, settings.decode) == (60.0, None, "all")
    assert "canary" not in settings.address
    refused(feeds={"gate": {**gate, "decode": "keyframes"}})
    refused(feeds={"gate": {**gate, "interval": 0}})
    refused(feeds={"gate": {"source": "snapshot+http:///still.jpg"}})


@pytest.mark.parametrize("listen", ["0.0.0.0:9464", "[::]:80", "10.0.0.1:1", "example.org:80"])
def test_listening_wider_needs_a_token(listen: str) -> None:
    assert "needs a token" in refusal(service={"listen": listen})
    config(service={"listen": listen, "token": "t"})
    config(service={"listen": listen, "token_file": "/run/secrets/t"})
    config(service={"listen": listen, "allow_insecure": True})


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "[::1]:80", "localhost:0", "127.8.8.8:1"])
def test_listening_on_this_machine_needs_none(listen: str) -> None:
    service = config(service={"listen": listen}).service
    assert service is not None
    assert str(service.listen) == listen


@pytest.mark.parametrize("listen", ["9464", ":9464", "h:70000", "a b:1", "::1:80", "http://h:1"])
def test_what_cannot_be_listened_on(listen: str) -> None:
    assert "HOST:PORT" in refusal(service={"listen": listen})


@pytest.mark.parametrize(
    "section",
    [
        {"defaults": {"count": 0}},
        {"defaults": {"count": True}},
        {"defaults": {"count": "50/w"}},
        {"defaults": {"count": 100_001}},
        {"defaults": {"count": 5, "share": 0.5}},
        {"defaults": {"share": 0}},
        {"defaults": {"share": "101%"}},
        {"defaults": {"window": 0}},
        {"defaults": {"window": "yesterday"}},
        {"defaults": {"min_distance": 2.5}},
        {"defaults": {"min_distance": "nan"}},
        {"defaults": {"near_duplicate": "often"}},
        {"defaults": {"look_ahead": 1.5}},
        {"defaults": {"look_ahead": False}},
        {"defaults": {"fps": "inf"}},
        {"defaults": {"fps": 0}},
        {"defaults": {"device": "tpu"}},
        {"defaults": {"transport": "carrier-pigeon"}},
        {"defaults": {"vf": "crop\n=1"}},
        {"defaults": {"vf": ""}},
        {"defaults": {"prefilter": {"black_level": 256}}},
        {"defaults": {"clip": {"after": 0}}},
        {"feeds": {}},
        {"feeds": {"a b": {"source": "x"}}},
        {"feeds": {"a/b": {"source": "x"}}},
        {"feeds": {"-a": {"source": "x"}}},
        {"feeds": {"ä": {"source": "x"}}},
        {"feeds": {"a" * 65: {"source": "x"}}},
        {"feeds": {"a": {"source": ""}}},
        {"feeds": {"a": {"source": "rtsp://"}}},
        {"feeds": {"a": {"source": "rtsp://cam:p/w@host/main"}}},
        {"feeds": {"a": {"source": "rtsp://[::1/main"}}},
        {"feeds": {"a": {"source": "rtsp://cam:p w@host/main"}}},
        {"feeds": {"a": {"source": "cam:pw@host/main"}}},
        {"feeds": {"a": {"source": "x", "embedder": "builtin"}}},
        {"pictures": {"format": "gif"}},
        {"pictures": {"format": "png", "quality": 90}},
        {"pictures": {"size": "0x1"}},
        {"pictures": {"size": "640"}},
        {"pictures": {"format": "avif"}},
        {"pictures": {"format": "jpg", "keep_hdr": True}},
        {"sinks": {"disk": {"max_bytes": "999kB"}}},
        {"sinks": {"disk": {"history": -1}}},
        {"sinks": {"mqtt": {}}},
        {"sinks": {"mqtt": {"host": "mqtt://broker"}}},
        {"sinks": {"mqtt": {"host": "h", "prefix": "a/#"}}},
        {"sinks": {"mqtt": {"host": "h", "prefix": "/a"}}},
        {"sinks": {"mqtt": {"host": "h", "prefix": "$SYS"}}},
        {"sinks": {"mqtt": {"host": "h", "password": "p"}}},
        {"sinks": {"mqtt": {"host": "h", "username": "u", "password": "p", "password_file": "f"}}},
        {"sinks": {"mqtt": {"host": "h", "tls": {"cert_file": "c"}}}},
        {"service": {"token": "t", "token_file": "f"}},
        {"service": {"tls": {"cert_file": "c"}}},
        {"log_level": "loud"},
    ],
    ids=str,
)
def test_what_cannot_be(section: dict[str, Any]) -> None:
    refusal(**section)


def test_feeds_of_one_group_must_want_the_same() -> None:
    with pytest.raises(ValidationError) as refused:
        two_feeds({"group": "yard", "count": 5, "window": "1h"}, {"group": "yard", "share": 0.1})
    told = str(refused.value)
    assert "feeds.b.count is not set, but 5 in feeds.a" in told
    assert "feeds.b.share is 0.1, but not set in feeds.a" in told
    assert "feeds.b.window is not set, but 1h in feeds.a" in told
    assert "one group (yard)" in told


def test_feeds_of_one_group_may_differ_in_how_they_are_read() -> None:
    whole = two_feeds(
        {"group": "yard", "fps": 1, "prefilter": {"corrupt": False}}, {"group": "yard"}
    )
    assert whole.feed("a").scope == whole.feed("b").scope == "yard"


@pytest.mark.parametrize(
    "feeds",
    [
        {"Gate": {"source": "x"}, "gate": {"source": "y"}},
        {"gate": {"source": "x"}, "yard": {"source": "y", "group": "gate"}},
        {"a": {"source": "x", "group": "yard"}, "b": {"source": "y", "group": "Yard"}},
    ],
)
def test_names_that_could_be_confused(feeds: dict[str, Any]) -> None:
    refusal(feeds=feeds)


def test_a_feed_may_name_its_group() -> None:
    feeds = {"gate": {"source": "x", "group": "gate"}, "yard": {"source": "y", "group": "gate"}}
    assert config(feeds=feeds).feed("yard").scope == "gate"


def test_clips_need_a_folder() -> None:
    wanted = {"defaults": {"clip": {}}, "sinks": {"disk": None}}
    assert "feeds.gate.clip needs a folder" in refusal(**wanted)
    config(defaults={"clip": {}})


def test_a_feed_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        config().feed("yard")


def test_feeds_over_webrtc() -> None:
    whole = two_feeds(
        {"source": "whip"},
        {"source": "whep+https://:abc@10.0.0.8:8889/drone/whep"},
        webrtc={
            "ice_servers": {"home": {"url": "turn:10.0.0.2:3478?transport=tcp", "username": "e"}},
            "max_session": "12h",
        },
        service={"origins": "https://phone.example, http://[::1]:8080"},
        defaults={"clip": {}, "decode": "keyframes"},
    )
    phone, drone = whole.feed("a"), whole.feed("b")
    assert phone.takes_sender
    assert phone.is_webrtc
    assert drone.is_webrtc
    assert not drone.takes_sender
    assert phone.clip is None
    assert drone.decode == "all"
    assert "abc" not in drone.address
    assert whole.webrtc.max_session == 43_200
    assert whole.service is not None
    assert whole.service.origins == ("https://phone.example", "http://[::1]:8080")


@pytest.mark.parametrize("wish", [{"clip": {}}, {"decode": "keyframes"}])
def test_what_needs_packets_cannot_be_had_over_webrtc(wish: dict[str, Any]) -> None:
    (name,) = wish
    for source in ("whip", "whep+http://h/1"):
        told = refusal(feeds={"phone": {"source": source, **wish}})
        assert f"feeds.phone.{name} is not possible for a feed over WebRTC" in told


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"webrtc": {"ice_servers": {"x": {"url": "http://h"}}}}, "stun:HOST"),
        (
            {
                "webrtc": {
                    "ice_servers": {
                        "x": {"url": "stun:h", "credential": "a", "credential_file": "b"}
                    }
                }
            },
            "not both",
        ),
        ({"webrtc": {"max_peers": 0}}, "from 1"),
        ({"service": {"origins": "*"}}, "it must be origins"),
        ({"service": {"origins": "https://phone.example/page"}}, "without a path"),
    ],
)
def test_what_webrtc_refuses(sections: dict[str, Any], told: str) -> None:
    assert told in refusal(**sections)


@pytest.mark.parametrize(
    ("service", "page"),
    [
        ({"listen": "127.0.0.1:9464"}, None),
        ({"listen": "10.0.0.2:80", "allow_insecure": True}, "http://10.0.0.2:80/"),
        ({"listen": "[fd00::1]:80", "allow_insecure": True}, "http://[fd00::1]:80/"),
        ({"listen": "0.0.0.0:0", "allow_insecure": True}, None),
        ({"listen": "0.0.0.0:90", "allow_insecure": True}, f"http://{socket.gethostname()}:90/"),
        ({"listen": "box:443", "allow_insecure": True, "tls": TLS}, "https://box:443/"),
    ],
)
def test_where_the_page_is_reached(service: dict[str, object], page: str | None) -> None:
    read = config(service=service).service
    assert read is not None
    assert read.page == page


def test_where_the_page_is_reached_can_be_told() -> None:
    told = {"host": "broker", "discovery": {"page": "https://streamsel.example.org/box"}}
    sink = config(sinks={"mqtt": told}).sinks.mqtt
    assert sink is not None
    assert sink.discovery is not None
    assert sink.discovery.page == "https://streamsel.example.org/box"
    with pytest.raises(ValidationError):
        config(sinks={"mqtt": {"host": "broker", "discovery": {"page": "box:9464"}}})
