"""Operations on feeds, and what HTTP and MQTT are told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings
from streamsel.decisions import FeedState, FeedStatus
from streamsel.errors import ConfigurationError
from streamsel.frame import FrameKey
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.worker import Worker
from streamsel.service.controls import HttpControl, MqttControls
from streamsel.service.operations import Operations
from streamsel.wiring.service import LiveParts
from tests.stand_ins import as_a


class Selector:
    """Keeps one frame, and can be given another budget."""

    def __init__(self, scope: str) -> None:
        self.kept = {FrameKey(scope, 7)}
        self.count: int | None = None
        self.pinned: set[FrameKey] = set()

    def resize(self, count: int) -> Sequence[object]:
        self.count = count
        return ()

    def pin(self, key: FrameKey) -> bool:
        self.pinned.add(key)
        return True

    def unpin(self, key: FrameKey) -> bool:
        self.pinned.discard(key)
        return True


class Line:
    """A pipeline that does at once what it is told, and remembers it."""

    def __init__(self) -> None:
        self.present: dict[str, FeedStatus] = {}
        self.selectors: dict[str, Selector] = {}
        self.failing_sinks: dict[str, str] = {}
        self.added: list[str] = []
        self.removed: list[str] = []

    @property
    def scopes(self) -> dict[str, Selector]:
        return self.selectors

    @property
    def sizes(self) -> dict[str, int]:
        return {scope: len(selector.kept) for scope, selector in self.selectors.items()}

    def statuses(self) -> list[FeedStatus]:
        return list(self.present.values())

    async def add_feeds(self, feeds: Sequence[FeedSettings]) -> None:
        for each in feeds:
            self.added.append(each.name)
            self.put(each.name, "up" if each.enabled else "disabled")
            self.selectors.setdefault(each.scope, Selector(each.scope))

    async def remove_feed(self, feed: str) -> None:
        self.removed.append(feed)
        del self.present[feed]

    def put(
        self, feed: str, state: FeedState, reason: str = "", frame: float | None = None
    ) -> None:
        self.present[feed] = FeedStatus(feed, f"rtsp://{feed}", state, reason, 5.0, 1, frame)

    def set_enabled(self, feed: str, enabled: bool) -> None:
        self.put(feed, "connecting" if enabled else "disabled")

    async def change(self, scope: str, call: Callable[[Selector], object]) -> None:
        call(self.selectors[scope])

    async def ask(self, scope: str, call: Callable[[Selector], object]) -> object:
        return call(self.selectors[scope])


def config(**feeds: dict[str, object]) -> Config:
    named = {name: {"source": f"rtsp://{name}", **options} for name, options in feeds.items()}
    return Config.model_validate({"feeds": named})


YARD = {"count": 5, "enabled": False, "display_name": "Hof"}


@pytest.fixture
def line() -> Line:
    return Line()


def operations_of(wanted: Config, parts: SimpleNamespace, line: Line) -> Operations:
    return Operations(wanted, as_a(LiveParts, parts), as_a(LivePipeline, line))


@pytest.fixture
def operations(line: Line) -> Operations:
    parts = SimpleNamespace(store=None, feeds=list, clips={})
    made = operations_of(config(gate={"count": 9}, yard=YARD), parts, line)
    asyncio.run(made.start())
    return made


@pytest.fixture
def mqtt(operations: Operations) -> MqttControls:
    return MqttControls(operations)


@pytest.fixture
def http(operations: Operations, line: Line) -> HttpControl:
    return HttpControl(operations, as_a(LivePipeline, line), None, as_a(Worker, None))


def test_every_feed_is_started_in_its_order(operations: Operations, line: Line) -> None:
    assert line.added == ["gate", "yard"]
    assert list(operations.settings) == ["gate", "yard"]
    assert operations.running == ("gate", "yard")
    assert [operations.is_enabled(name) for name in operations.running] == [True, False]
    assert [operations.count(name) for name in operations.running] == [9, 5]


def test_a_feed_that_is_not_there_is_told_with_what_there_is(
    operations: Operations, line: Line
) -> None:
    for ask in (operations.count, operations.is_enabled):
        with pytest.raises(ConfigurationError, match=r"'hall' is not part .*; it has gate, yard$"):
            ask("hall")
    for change in (operations.set_enabled("hall", True), operations.set_count("hall", 3)):
        with pytest.raises(ConfigurationError, match="'hall'"):
            asyncio.run(change)
    empty = operations_of(config(gate={}), SimpleNamespace(store=None), line)
    with pytest.raises(ConfigurationError, match=r"it has none$"):
        empty.count("gate")


def test_a_feed_that_is_being_changed_is_told_to_be(operations: Operations, line: Line) -> None:
    del line.present["gate"]
    with pytest.raises(ConfigurationError, match="'gate' is being changed"):
        operations.is_enabled("gate")
    assert operations.running == ("yard",)


def test_a_count_is_changed_in_the_scope_and_remembered(operations: Operations, line: Line) -> None:
    asyncio.run(operations.set_count("gate", 3))
    assert line.selectors["gate"].count == operations.count("gate") == 3
    assert line.selectors["yard"].count is None


def test_a_frame_is_pinned_where_it_is_kept(operations: Operations, line: Line) -> None:
    key = FrameKey("yard", 7)
    assert asyncio.run(operations.pin(key, True)) is True
    assert line.selectors["yard"].pinned == {key}
    assert asyncio.run(operations.pin(key, False)) is True
    assert line.selectors["yard"].pinned == set()
    assert asyncio.run(operations.pin(FrameKey("yard", 8), True)) is False


def test_a_service_that_stops_takes_no_more_requests(operations: Operations) -> None:
    operations.end()
    for change in (
        operations.set_enabled("gate", False),
        operations.set_count("gate", 3),
        operations.pin(FrameKey("gate", 7), True),
        operations.remove_gone("hall"),
    ):
        with pytest.raises(ConfigurationError, match="stopping"):
            asyncio.run(change)


@pytest.mark.parametrize(
    ("wanted", "added", "removed"),
    [
        ({"gate": {"count": 9}, "yard": YARD}, [], []),
        ({"gate": {"count": 4}, "yard": YARD}, [], []),
        ({"gate": {"count": 9, "fps": 5}, "yard": YARD}, ["gate"], ["gate"]),
        ({"gate": {"share": 0.5}, "yard": YARD}, ["gate"], ["gate"]),
        ({"yard": YARD, "hall": {}}, ["hall"], ["gate"]),
    ],
)
def test_a_reload_disturbs_no_feed_that_stays_as_it_is(
    operations: Operations,
    line: Line,
    wanted: dict[str, dict[str, object]],
    added: list[str],
    removed: list[str],
) -> None:
    line.added.clear()
    asyncio.run(operations.reload(config(**wanted)))
    assert (line.added, line.removed) == (added, removed)
    assert list(operations.settings) == list(wanted)
    for name, options in wanted.items():
        if "count" in options:
            assert operations.count(name) == options["count"]


def test_a_count_that_was_set_goes_with_the_feed(operations: Operations) -> None:
    asyncio.run(operations.set_count("gate", 3))
    asyncio.run(operations.reload(config(gate={"count": 9, "fps": 5}, yard=YARD)))
    assert operations.count("gate") == 9


def test_mqtt_sees_every_feed(mqtt: MqttControls) -> None:
    assert mqtt.feeds() == {"gate": (True, 9), "yard": (False, 5)}
    assert [mqtt.display_name(feed) for feed in ("gate", "yard", "hall")] == ["gate", "Hof", "hall"]


def test_mqtt_changes_a_feed(mqtt: MqttControls, line: Line) -> None:
    asyncio.run(mqtt.set_enabled("yard", True))
    asyncio.run(mqtt.set_count("yard", 2))
    assert mqtt.feeds()["yard"] == (True, 2)


def test_http_sees_every_feed(http: HttpControl) -> None:
    told = [
        (view.status.feed, view.enabled, view.scope, view.count, view.kept, view.display_name)
        for view in http.feeds()
    ]
    assert told == [("gate", True, "gate", 9, 1, "gate"), ("yard", False, "yard", 5, 1, "Hof")]


def test_http_changes_a_feed_and_says_where_there_is_none(http: HttpControl, line: Line) -> None:
    assert asyncio.run(http.set_enabled("yard", True)) is True
    assert asyncio.run(http.set_count("yard", 2)) is True
    assert [(view.enabled, view.count) for view in http.feeds()] == [(True, 9), (True, 2)]
    assert asyncio.run(http.set_enabled("hall", True)) is False
    assert asyncio.run(http.set_count("hall", 2)) is False


def test_without_stored_pictures_there_is_nothing_to_show(http: HttpControl) -> None:
    key = FrameKey("gate", 7)
    assert http.folder is None
    for answer in (http.frames(None, 9, None), http.find([key]), http.gone()):
        assert asyncio.run(answer) == []
    assert asyncio.run(http.explain(key)) is None
    assert asyncio.run(http.claims("frames/gate/x.jpg")) is False


def test_a_service_is_ready_once_every_feed_was_tried_and_sinks_work(
    http: HttpControl, line: Line
) -> None:
    assert http.unready() == []
    line.put("gate", "connecting")
    assert http.unready() == ["feed 'gate' was not tried yet"]
    line.put("gate", "connecting", reason="no answer")
    assert http.unready() == []
    line.put("gate", "connecting", frame=5.0)
    line.failing_sinks["disk"] = "full"
    assert http.unready() == ["sink 'disk' fails: full"]
