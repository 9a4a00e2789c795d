"""Where tasks, threads and processes start: these places alone, and the docs name each of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()

KINDS = {
    **dict.fromkeys(
        ("create_task", "ensure_future", "gather", "run_coroutine_threadsafe"), "tasks"
    ),
    **dict.fromkeys(("to_thread", "run_in_executor"), "calls in threads"),
    **dict.fromkeys(("Thread", "Timer", "ThreadPoolExecutor", "start_new_thread"), "threads"),
    **dict.fromkeys(("Process", "ProcessPoolExecutor", "fork", "Popen"), "processes"),
    **dict.fromkeys(("create_subprocess_exec", "create_subprocess_shell"), "processes"),
    **dict.fromkeys(("check_call", "check_output", "getoutput", "posix_spawn"), "processes"),
}
"""What a call by this name starts; ``subprocess.run`` is told apart from other calls of ``run``."""

STARTS = {
    "runtime/execute.py": {"threads"},
    "runtime/feed_reader.py": {"threads"},
    "runtime/file_run.py": {"tasks"},
    "runtime/loop_thread.py": {"tasks", "threads"},
    "runtime/ordered_map.py": {"threads"},
    "runtime/reader_processes.py": {"processes", "threads"},
    "runtime/service_run.py": {"tasks"},
    "runtime/worker.py": {"calls in threads", "threads"},
    "service/patience.py": {"tasks"},
    "service/process.py": {"calls in threads", "tasks"},
    "http/ended.py": {"calls in threads"},
    "http/routes.py": {"calls in threads"},
    "http/server.py": {"calls in threads"},
    "sinks/events.py": {"tasks"},
    "sinks/mqtt/drain.py": {"calls in threads"},
    "sinks/mqtt/publisher.py": {"calls in threads", "tasks"},
    "sinks/mqtt/retained.py": {"calls in threads"},
    "sources/webrtc/ingest.py": {"tasks"},
    "sources/webrtc/peer.py": {"tasks"},
    "sources/webrtc/whep.py": {"tasks"},
}
"""Every file that may start something, and what; a new place is a change of the architecture."""


def started(tree: ast.Module) -> Iterator[str]:
    """The kinds of what the calls of a module start."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name == "subprocess.run":
            yield "processes"
        elif (kind := KINDS.get(name.rpartition(".")[2])) is not None:
            yield kind


def found() -> dict[str, set[str]]:
    package = ROOT / "streamsel"
    kinds = {
        path.relative_to(package).as_posix(): set(started(ast.parse(path.read_text())))
        for path in sorted(package.rglob("*.py"))
    }
    return {path: starts for path, starts in kinds.items() if starts}


def test_each_kind_is_seen() -> None:
    code = "tasks.create_task(f()); asyncio.to_thread(f); Thread(target=f); subprocess.run(['f'])"
    assert list(started(ast.parse(code))) == ["tasks", "calls in threads", "threads", "processes"]
    assert list(started(ast.parse("line.run(); worker.run(f)"))) == []


def test_tasks_threads_and_processes_start_in_the_listed_places_alone() -> None:
    assert found() == STARTS


def test_threads_and_processes_start_in_one_room() -> None:
    outside = {path: kinds for path, kinds in STARTS.items() if not path.startswith("runtime/")}
    assert [path for path, kinds in outside.items() if kinds & {"threads", "processes"}] == []


def test_the_docs_name_every_place_and_what_starts_there() -> None:
    section = re.search(r"^## Where tasks and threads start\n(.*?)(?=^## )", TEXT, re.M | re.S)
    assert section is not None
    rows = re.findall(r"^- `([a-z_/]+\.py)`: ([a-z ,]+)[;.]", section[1], re.M)
    assert len(rows) == len(re.findall(r"^- ", section[1], re.M))
    assert {path: set(kinds.split(", ")) for path, kinds in rows} == STARTS
