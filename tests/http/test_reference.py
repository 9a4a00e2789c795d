"""The reference page tells every request and every member, and nothing that is not there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from streamsel.clock import SystemClock
from streamsel.http.events import EventBroker
from streamsel.http.login import LoginRoutes
from streamsel.http.routes import Routes
from streamsel.http.whip import Whip
from streamsel.http.wire import feed_to_json, frame_to_json
from tests.http.serving import Behind, Senders, kept_frame, view
from tests.metrics.scenario import busy_metrics

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text()


def members(title: str) -> list[str]:
    """What the first column of the table under a title names."""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return re.findall(r"`(\w+)`", " ".join(cells))


async def events_broker() -> EventBroker:
    return EventBroker(SystemClock())


def test_every_request_is_told() -> None:
    told = re.findall(r"^\| `([A-Z]+) (\S+)` \|", PAGE, re.MULTILINE)
    clock = SystemClock()
    logins = LoginRoutes(None, secure=False)
    routes = [
        *Routes(busy_metrics(), Behind(), asyncio.run(events_broker())).table(),
        *Whip(Senders(), (), clock).table(),
        *logins.table(),
    ]
    assert told == [(route.method, route.path.replace(":.+", "")) for route in routes]


def test_every_member_is_told() -> None:
    counts = busy_metrics().counts()["gate"]
    shown = feed_to_json(view("gate"), counts)
    assert members("A feed") == list(shown)
    assert members("A frame") == list(frame_to_json(kept_frame("gate", 1, 5.0)))
    (row,) = re.findall(r"^\| `counts` \| .*", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {"counts", *counts}
