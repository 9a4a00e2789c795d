"""Tests wait for what happens, not for time: none sleeps or asserts a time, but as listed."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

POLLING = "polling.py"
"""Asks again and again, with a deadline: the one place that sleeps until something has happened."""

BY_HAND = "soak"
"""Runs of minutes and hours that are started by hand, and no tests."""

PLAYED = {
    "end_to_end/slow_disk_watch.py _slow_sync": "a disk that takes its time",
    "end_to_end/slow_disk_watch.py _slow_begin": "a disk that takes its time",
    "http/test_server.py test_who_sends_a_request_drop_by_drop_is_let_go_of.scenario.drip": (
        "a client that sends a letter at a time"
    ),
    "runtime/test_delivery.py test_a_sink_that_is_slow_but_goes_on_is_waited_for.scenario": (
        "a sink that takes its time for each update"
    ),
    "runtime/test_live_end.py"
    " test_a_defect_ends_the_service_loudly_and_every_sink_is_closed.Unhurried.close": (
        "a sink that closes slowly"
    ),
    "runtime/test_service_run.py SlowEmbedder.embed": "an embedder that is slower than its feeds",
    "servers/crowd_process.py serve.answer": "cameras that send their pictures when they are due",
    "servers/proxy.py FaultProxy._spoil": "a network of little bandwidth",
    "servers/whep_process.py until": "polls, in a Python that cannot import what polls here",
    "sinks/mqtt/killed_publisher.py main": "a service that keeps a frame every few milliseconds",
    "sinks/power.py _await_turns": "a power cut at a moment drawn by chance",
    "sources/decode/test_one_decoder.py _Crowding.__get__.call": (
        "a method that takes a moment, in which others would come if they could"
    ),
    "sources/live/test_live_decoding.py"
    " test_a_stream_that_begins_between_keyframes_is_waited_for.paced": "a camera",
    "sources/live/test_live_web.py"
    " test_pictures_that_tell_no_time_are_timed_as_they_come.pictures": "a slow camera",
}
"""Functions that sleep because what they play takes time; no test waits by their sleep."""

CLOCKS = {"time.monotonic", "time.perf_counter", "time.process_time", "time.time"}


@cache
def places() -> list[tuple[str, ast.AST, list[ast.AST]]]:
    """Every function of the tests by its file and name, with its own nodes."""
    return [
        (f"{path.relative_to(TESTS).as_posix()} {name}", function, nodes)
        for path in sorted(TESTS.rglob("*.py"))
        if not path.is_relative_to(TESTS / BY_HAND) and path != TESTS / POLLING
        for name, function, nodes in functions(ast.parse(path.read_text()))
    ]


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST, list[ast.AST]]]:
    """Each function and the module itself, with the nodes that belong to no function within it."""
    own: list[ast.AST] = []
    waiting = deque(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(node, f"{inside}.{node.name}" if inside else node.name)
            continue
        own.append(node)
        waiting += ast.iter_child_nodes(node)
    yield inside, tree, own


def sleeps(nodes: list[ast.AST]) -> bool:
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}
        and ast.unparse(node.args[0]) != "0"
        for node in nodes
    )


def reads_clock(node: ast.AST, since: set[str]) -> bool:
    """Whether an expression is made of the time, or of a name that holds a time.

    What a function makes of a time is no time.
    """
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in CLOCKS
    if isinstance(node, ast.Name):
        return node.id in since
    return any(reads_clock(part, since) for part in ast.iter_child_nodes(node))


def asserts_time(nodes: list[ast.AST]) -> bool:
    since: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and reads_clock(node.value, since):
            names = (part for target in node.targets for part in ast.walk(target))
            since |= {part.id for part in names if isinstance(part, ast.Name)}
    return any(isinstance(node, ast.Assert) and reads_clock(node.test, since) for node in nodes)


def is_marked(function: ast.AST) -> bool:
    marks = function.decorator_list if isinstance(function, ast.FunctionDef) else []
    return "pytest.mark.deadline" in map(ast.unparse, marks)


def test_nothing_sleeps_but_what_polls_and_what_plays_something_slow() -> None:
    assert {place for place, _, nodes in places() if sleeps(nodes)} == PLAYED.keys()


def test_time_is_asserted_only_where_it_is_promised() -> None:
    assert [
        place
        for place, function, nodes in places()
        if asserts_time(nodes) and not is_marked(function)
    ] == []


def test_a_promise_of_time_is_named() -> None:
    marked = [(place, function) for place, function, _ in places() if is_marked(function)]
    assert marked
    unsaid = [
        place
        for place, function in marked
        if not isinstance(function, ast.FunctionDef) or not ast.get_docstring(function)
    ]
    assert unsaid == []


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("time.sleep(1)", True),
        ("await asyncio.sleep(seconds)", True),
        ("await asyncio.sleep(0)", False),
        ("poll(lambda: time.sleep(1))", True),
        ("def inner(): time.sleep(1)", False),
    ],
)
def test_a_sleep_is_seen(code: str, is_seen: bool) -> None:
    tree = ast.parse(f"async def outer():\n    {code}")
    assert {place for place, _, nodes in functions(tree) if sleeps(nodes)} == (
        {"outer"} if is_seen else {"outer.inner"} if "inner" in code else set()
    )


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("assert time.monotonic() < 5", True),
        (
            "began = time.perf_counter(); f(); took = time.perf_counter() - began; assert took < 1",
            True,
        ),
        ("assert clock.monotonic() == 5", False),
        ("began = time.monotonic(); f(began)", False),
    ],
)
def test_an_assert_on_time_is_seen(code: str, is_seen: bool) -> None:
    tree = ast.parse(f"def outer():\n    {code}")
    assert any(asserts_time(nodes) for _, _, nodes in functions(tree)) == is_seen
