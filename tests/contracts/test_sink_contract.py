"""The contract of the sink seam, over every implementation; and what a sink need not have."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.choices import Durability
from streamsel.errors import SinkError
from streamsel.interfaces import sinks
from streamsel.interfaces.sinks import (
    FetchesMissing,
    FollowsFeeds,
    FollowsRun,
    HasBudget,
    Sink,
    Ticks,
)
from streamsel.record.reader import Record
from streamsel.sinks.clips import ClipSink
from streamsel.sinks.console import ConsoleSink
from streamsel.sinks.events import EventStream
from streamsel.sinks.mqtt.sink import MqttSink
from streamsel.sinks.plugin import PluginSink
from streamsel.sinks.run_folder import DiskSink
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import RecordingSink
from tests.contracts.implementations import implementations
from tests.sinks import live_streams, streams
from tests.sinks.subjects import (
    FEED,
    LEFT,
    SUBJECTS,
    Console,
    RunFolder,
    ServiceFolder,
    Subject,
    status,
    updates,
)

CAPABILITIES: dict[type, set[type]] = {
    DiskSink: {FollowsRun, FetchesMissing},
    LiveDiskSink: {FollowsFeeds, Ticks, HasBudget},
    ClipSink: {Ticks},
    ConsoleSink: {FollowsFeeds},
    EventStream: set(),
    MqttSink: {FollowsFeeds, Ticks},
    PluginSink: set(),
    RecordingSink: {FollowsFeeds, HasBudget},
}
ALL: list[type] = [FollowsRun, FetchesMissing, FollowsFeeds, Ticks, HasBudget]


@pytest.fixture(params=SUBJECTS, ids=lambda kind: kind.__name__)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    made = SUBJECTS[request.param](tmp_path)
    yield made
    made.end()


def test_what_was_kept_and_not_evicted_is_there(subject: Subject) -> None:
    for update in updates(subject):
        subject.sink.apply(update)
    assert subject.kept() == LEFT


@pytest.mark.parametrize(
    ("kind", "how"),
    [(kind, how) for kind, made in SUBJECTS.items() for how in made.breaks],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
@pytest.mark.parametrize("at", [3, 5])
def test_nothing_is_lost_where_an_update_fails_and_is_applied_again(
    tmp_path: Path, kind: type, how: str, at: int
) -> None:
    subject = SUBJECTS[kind](tmp_path)
    for number, update in enumerate(updates(subject)):
        if number == at:
            with subject.broken(how):
                for _ in range(2):
                    with pytest.raises(SinkError):
                        subject.sink.apply(update)
        subject.sink.apply(update)
    assert subject.kept() == LEFT
    subject.end()


def test_a_sink_has_a_name_that_stays(subject: Subject) -> None:
    name = subject.sink.name
    assert name.isidentifier()
    subject.sink.apply(updates(subject)[0])
    assert subject.sink.name == name


def test_closing_stores_what_was_applied_and_may_be_repeated(subject: Subject) -> None:
    for update in updates(subject):
        subject.sink.apply(update)
    if isinstance(subject, RunFolder | ServiceFolder):
        subject.sink.close()
        subject.sink.close()
        assert subject.kept() == LEFT
    else:
        assert subject.kept() == LEFT
        subject.sink.close()
        subject.sink.close()


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_an_interrupted_run_is_not_complete(tmp_path: Path, durability: Durability) -> None:
    for folder, is_over in ((tmp_path / "a", True), (tmp_path / "b", False)):
        subject = RunFolder(folder, durability)
        for update in updates(subject):
            subject.sink.apply(update)
        if is_over:
            subject.sink.run_ended()
        subject.sink.close()
        assert subject.kept() == LEFT
        with Record.open(subject.folder) as record:
            assert record.run().status == ("complete" if is_over else "interrupted")


def test_a_picture_that_was_dropped_is_fetched_once(tmp_path: Path) -> None:
    subject = RunFolder(tmp_path)
    update = updates(subject)[0]
    key = update.events[0].frame.key
    update.events[0].frame.picture.drop()
    subject.sink.apply(update)
    assert list(subject.sink.missing()) == [key]
    assert subject.kept() == []
    subject.sink.supply(streams.frame(FEED, key.index))
    assert list(subject.sink.missing()) == []
    subject.sink.close()
    assert subject.kept() == [str(key)]


def test_a_picture_that_is_nowhere_is_lost_once(tmp_path: Path) -> None:
    subject = ServiceFolder(tmp_path)
    subject.sink.apply(live_streams.keeping(0, size_bytes=None))
    assert [str(key) for key in subject.sink.lost()] == ["gate-000000"]
    assert list(subject.sink.lost()) == []
    subject.sink.close()


def test_the_state_of_a_feed_is_printed_though_nobody_read_at_first(tmp_path: Path) -> None:
    subject = Console(tmp_path)
    with subject.broken("closed"), pytest.raises(SinkError, match="nobody reads"):
        subject.sink.feed_changed(status("up"))
    subject.sink.feed_changed(status("up"))
    subject.sink.feed_changed(status("up"))
    assert [line["state"] for line in subject.lines()] == ["up"]


def test_lines_that_nobody_reads_are_an_error_of_the_sink_at_the_end_too(tmp_path: Path) -> None:
    subject = Console(tmp_path)
    with subject.broken("closed"), pytest.raises(SinkError, match="nobody reads"):
        subject.sink.close()


def test_capabilities_are_found_where_they_are_and_nowhere_else(subject: Subject) -> None:
    found = {one for one in ALL if isinstance(subject.sink, one)}
    assert found == CAPABILITIES[type(subject.sink)]


def test_every_sink_of_the_package_is_in_this_suite() -> None:
    assert implementations(Sink) == {kind.__name__ for kind in SUBJECTS}


def test_the_seam_has_three_methods_and_a_capability_at_most_five() -> None:
    protocols = {
        name: kind
        for name, kind in vars(sinks).items()
        if inspect.isclass(kind) and kind.__module__ == sinks.__name__
    }
    assert {name for name in protocols if name != "Sink"} == {one.__name__ for one in ALL}
    members = {
        name: {one for one in vars(kind) if not one.startswith("_")}
        for name, kind in protocols.items()
    }
    assert members["Sink"] == {"name", "apply", "close"}
    assert max(map(len, members.values())) <= 5


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda kind: kind.__name__)
def test_no_method_of_a_sink_does_nothing(kind: type) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    idle = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name != "name" and _is_idle(node)
    ]
    assert idle == []


def _is_idle(node: ast.FunctionDef) -> bool:
    """Whether there is nothing in a function but its docstring, or a constant that it returns."""
    body = [
        one
        for one in node.body
        if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]
    return all(
        isinstance(one, ast.Pass)
        or (
            isinstance(one, ast.Return)
            and not any(isinstance(part, ast.Name) for part in ast.walk(one))
        )
        for one in body
    )
