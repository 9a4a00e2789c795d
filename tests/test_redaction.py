"""What looks like a secret, or is known to be one, is never shown."""

from __future__ import annotations

import pytest

from streamsel.redaction import redact, register_address, register_secret
from tests.canaries import FORMS

CANARY = "canary4711Zx"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:p@ss@cam/main", "rtsp://user:***@cam/main"),
        ("rtsp://user:p/ss@cam/main", "rtsp://user:***@cam/main"),
        ("http://token@host/x", "http://***@host/x"),
        ("http://host:8080/x@y", "http://host:8080/x@y"),
        ("https://h/x?Signature=a%2Fb&n=1", "https://h/x?Signature=***&n=1"),
        ("https://h/x?a=1&api_key=k#frag", "https://h/x?a=1&api_key=***#frag"),
        ("https://h/x?password=a", "https://h/x?password=***"),
        ("two\nlines\x1b[31m", "two?lines?[31m"),
        ("/plain/path with space.mp4", "/plain/path with space.mp4"),
        ("rtsps://10.0.0.1:7441/AbCd3fGh1jKlMnOp?x", "rtsps://10.0.0.1:7441/***?x"),
        (f"http://h/hls/{'0f' * 16}/i.m3u8", "http://h/hls/***/i.m3u8"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"),
        ("cam:pw@10.0.0.4/main does not exist", "cam:***@10.0.0.4/main does not exist"),
    ],
)
def test_secrets_never_show(address: str, shown: str) -> None:
    assert redact(address) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_camera_s_password_is_masked(form: str) -> None:
    address = form.format(secret=CANARY, host="10.0.0.4:554")
    for text in (address, f"feed 'gate': {address} cannot be opened: no answer", f"[{address!r}]"):
        assert CANARY not in redact(text)
        assert redact(redact(text)) == redact(text)
    assert "10.0.0.4" in redact(address)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.4:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://10.0.0.4/Streaming/Channels/101",
        "feed 'x': rtsp://10.0.0.4:554/main cannot be opened; ask admin@example.org",
        "https://h/2026-11-22T10:15:30Z/BigBuckBunny1080p30.mp4",
        "2026-11-22 10:15:30,123 INFO decoded with keyframes=10 keyint=25",
        "https://h/x?author=me&design=2",
        "/data/VID_20261122_101530.mp4",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_a_known_secret_is_masked_wherever_it_stands_and_however_it_is_written() -> None:
    register_secret("p@ss/w%C3%B6rd")
    assert redact("GET /p@ss/w%C3%B6rd/x") == "GET /***/x"
    assert redact("GET /p%40ss%2Fw%25C3%25B6rd/x") == "GET /***/x"
    assert redact("as p@ss/w\u00f6rd") == "as ***"


def test_a_short_secret_takes_no_words_apart() -> None:
    register_secret("main")
    register_secret("1")
    assert redact("the domain of 11 mainframes, /main/1") == "the domain of 11 mainframes, /***/1"


def test_an_address_that_is_known_is_shown_as_was_said() -> None:
    register_address("rtsp://10.0.0.4/quite/private", "rtsp://10.0.0.4/***/private")
    told = redact("feed 'gate': rtsp://10.0.0.4/quite/private cannot be opened")
    assert told == "feed 'gate': rtsp://10.0.0.4/***/private cannot be opened"


@pytest.mark.parametrize("text", ["_" * 40_000, "key_" * 10_000, "a" * 40_000, "http://" * 4_000])
def test_a_text_that_was_made_to_be_slow_is_not(text: str) -> None:
    assert redact(text) == text
