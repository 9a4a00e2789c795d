"""Values of the HTTP API, read and written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TypeAlias

import pytest
from aiohttp import web

from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey
from streamsel.http.control import Position
from streamsel.http.wire import (
    MOST_FRAMES,
    cursor_of,
    feed_to_json,
    frame_to_json,
    picture_url,
    read_bool,
    read_count,
    read_key,
    read_limit,
    read_position,
    read_text,
)
from tests.http.serving import SECRET, kept_frame, view
from tests.stand_ins import as_a

Reader: TypeAlias = Callable[[web.Request, str], Coroutine[None, None, object]]


class Sent:
    """A request with this body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


def read(reader: Reader, body: object) -> object:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asyncio.run(reader(as_a(web.Request, Sent(content)), "given"))


def test_secrets_of_a_feed_are_masked() -> None:
    told = feed_to_json(view("gate", "down"), {"kept": 3})
    assert SECRET not in json.dumps(told)
    assert (told["feed"], told["state"], told["enabled"]) == ("gate", "down", True)
    assert told["counts"] == {"kept": 3}


def test_a_frame_has_the_address_of_its_picture() -> None:
    frame = kept_frame("gate east", 7, 1.5)
    told = frame_to_json(frame)
    assert (told["id"], told["index"], told["wall_time"]) == ("gate east-000007", 7, 1.5)
    assert told["url"] == picture_url(frame) == "/frames/gate%20east/gate%20east-000007.jpg"
    assert read_position(cursor_of(frame)) == Position(1.5, "gate east", 7)


@pytest.mark.parametrize("text", ["1", "50", "0500", f"{MOST_FRAMES}"])
def test_a_limit_that_may_be(text: str) -> None:
    assert read_limit(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "0", f"{MOST_FRAMES + 1}", "-1", "1.5", "ten", "٣", "0000001", "9" * 5_000]
)
def test_a_limit_that_may_not_be(text: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        read_limit(text)
    assert refused.value.reason == f"limit must be 1 to {MOST_FRAMES}"


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("12.5", Position(12.5, "", -1)),
        ("12.5,gate-000007", Position(12.5, "gate", 7)),
        ("-3,a-b-000007", Position(-3.0, "a-b", 7)),
    ],
)
def test_a_position_is_a_time_or_a_frame(text: str, position: Position) -> None:
    assert read_position(text) == position


@pytest.mark.parametrize("text", ["", "now", "nan", "inf", "1.5,", "1.5,gate", "x,gate-000007"])
def test_another_position_is_refused(text: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        read_position(text)
    assert refused.value.reason.startswith("before must be")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("gate-000007", FrameKey("gate", 7)),
        ("a-b-1234567", FrameKey("a-b", 1_234_567)),
        (f"gate-{'9' * 18}", FrameKey("gate", int("9" * 18))),
        *[(text, None) for text in ("gate", "gate-7", "-000007", "gate-00000x", "gate-٣٣٣٣٣٣")],
        *[(text, None) for text in ("gate-0000007", f"gate-{'9' * 19}", "000007", "")],
    ],
)
def test_a_frame_is_known_by_its_exact_name(text: str, key: FrameKey | None) -> None:
    assert read_key(text) == key


def test_a_body_has_one_member_of_the_right_kind() -> None:
    assert read(read_bool, {"given": False}) is False
    assert read(read_text, {"given": "gate"}) == "gate"
    assert read(read_count, {"given": 9}) == 9
    with pytest.raises(ConfigurationError, match="given"):
        read(read_count, {"given": "nine"})


@pytest.mark.parametrize(
    ("reader", "body", "reason"),
    [
        (read_bool, {"given": 1}, 'the body must be {"given": true} or false'),
        (read_text, {"given": 1}, 'the body must be {"given": "..."}'),
        (read_text, {}, 'the body must be an object with "given" alone'),
        (read_text, {"given": "", "more": 1}, 'the body must be an object with "given" alone'),
        (read_text, [], 'the body must be an object with "given" alone'),
        (read_text, b"{", "the body must be JSON"),
        (read_text, b"\xff", "the body must be JSON"),
        (read_text, b"[" * 100_000, "the body must be JSON"),
    ],
)
def test_another_body_is_refused_with_the_reason(reader: Reader, body: object, reason: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        read(reader, body)
    assert refused.value.reason == reason
