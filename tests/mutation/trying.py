"""Tries changes: each alone, in a copy of the checkout, against the tests that run what it changes.

Tests that lie where the changed module does come first, and of these the ones that run the fewest
functions: they are the ones that are about it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Literal, TypeAlias

from tests.mutation.changes import Change

Outcome: TypeAlias = Literal["killed", "survived", "unseen"]
"""A test failed; none did; none runs it."""
_SLOWNESS = 10
_START_SECONDS = 60
_UNKNOWN_SECONDS = 1.0
_ELSEWHERE = 2
_IMPORTED_ONCE = ["aiohttp", "aiortc", "av", "numpy", "pydantic", "pytest", "torch"]
"""What nearly every test imports and no change touches. No plugins of pytest: it rewrites those."""


class Covering:
    """What :func:`tests.mutation.recording.record` has left in a folder."""

    def __init__(self, folder: Path) -> None:
        recorded = json.loads((folder / "map.json").read_text())
        self._seconds: dict[str, float] = recorded["seconds"]
        self._tests: dict[str, list[str]] = recorded["covering"]
        self._breadth = Counter(test for tests in self._tests.values() for test in tests)

    def of(self, change: Change, there: Set[str], seconds: float) -> tuple[list[str], float]:
        """Of the tests that are there, those to try a change with; and how many seconds they take.

        At most ``seconds``, but at least one test.

        What stands outside of functions, and a function that is newer than the recording, is tried
        with the tests of its class, of its module, or of the modules beside it; and every change
        with the tests of the same place that are newer than the recording.
        """
        found: set[str] = set()
        for place in _around(change):
            covering = [tests for name, tests in self._tests.items() if name.startswith(place)]
            found = set().union(*covering)
            if covering:
                break
        near = _Nearness(change.path)
        newer = {test for test in there - self._seconds.keys() if near.of(test) < _ELSEWHERE}
        chosen: list[str] = []
        spent = 0.0
        order = sorted(
            found & there | newer, key=lambda test: (near.of(test), self._breadth[test], test)
        )
        for test in order:
            takes = self._seconds.get(test, _UNKNOWN_SECONDS)
            if spent + takes <= seconds or not chosen:
                chosen.append(test)
                spent += takes
        return chosen, spent


class _Nearness:
    """How near tests are to a module: those named after it, those of its folder, all others."""

    def __init__(self, path: str) -> None:
        folder, _, module = path.removeprefix("streamsel/").rpartition("/")
        self._folder = f"tests/{folder}/" if folder else "tests/test_"
        self._module = f"/test_{module}::"

    def of(self, test: str) -> int:
        """0, 1, or ``_ELSEWHERE``."""
        if not test.startswith(self._folder):
            return _ELSEWHERE
        return 0 if self._module in test else 1


def _around(change: Change) -> Iterator[str]:
    """Beginnings of the names of functions: the one that is changed, then ever more around it."""
    yield f"{change.path} {change.function}"
    yield f"{change.path} {change.function.partition('.')[0]}"
    yield f"{change.path} "
    yield f"{change.path.rpartition('/')[0]}/"


class Trial:
    """A copy of the checkout to try changes in, one at a time. Use as a context manager."""

    def __init__(self, root: Path, covering: Covering, seconds: float) -> None:
        """``seconds``: how long the tests of one change may take, by what was recorded."""
        self._covering = covering
        self._seconds = seconds
        self._folder = Path(tempfile.mkdtemp(prefix="streamsel-mutation-"))
        tracked = subprocess.run(
            ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
        )
        for name in filter(None, tracked.stdout.split("\0")):
            copied = self._folder / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copied)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(_IMPORTED_ONCE)
        self._unsteady: set[str] = set()
        code, collected = self._pytest(["--collect-only"])
        if code != 0:
            raise RuntimeError(f"the tests cannot be collected:\n{collected}")
        self._there = frozenset(filter(None, collected.splitlines()))

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)
        self._folder.with_suffix(".printed").unlink(missing_ok=True)

    def attempt(self, change: Change) -> Outcome:
        """Make the change, run the tests, and take it back.

        A test that fails without the change too says nothing, and is not asked again.
        """
        while True:
            tests, seconds = self._covering.of(change, self._there - self._unsteady, self._seconds)
            if not tests:
                return "unseen"
            failed = self._failed(change, tests, seconds)
            if failed is None:
                return "survived"
            if failed not in self._there or self._pytest([failed])[0] == 0:
                return "killed"
            self._unsteady.add(failed)

    def _failed(self, change: Change, tests: list[str], seconds: float) -> str | None:
        """The first test that fails with the change; empty where all hang or none can begin."""
        module = self._folder / change.path
        text = module.read_text()
        listed = self._folder / "tests-to-run"
        listed.write_text("\n".join(tests))
        module.write_text(change.applied(text))
        try:
            code, said = self._pytest([f"@{listed}"], _START_SECONDS + _SLOWNESS * seconds)
        finally:
            module.write_text(text)
        if code == 0:
            return None
        lines = (line.partition(" ") for line in said.splitlines())
        return next((test.partition(" - ")[0] for word, _, test in lines if word == "FAILED"), "")

    def _pytest(self, arguments: list[str], timeout: float | None = None) -> tuple[int, str]:
        """Run pytest in the copy; its exit code and what it printed. Nothing where it hangs."""
        arguments = ["-x", "-q", "-rfE", "-p", "no:cacheprovider", *arguments]
        printed = self._folder.with_suffix(".printed")
        env = os.environ | {"PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
        run = self._processes.Process(target=_pytest, args=(self._folder, env, printed, arguments))
        run.start()
        run.join(timeout)
        if run.exitcode is not None:
            return run.exitcode, printed.read_text(errors="replace")
        os.killpg(run.pid or 0, signal.SIGKILL)
        run.join()
        return -signal.SIGKILL, ""


def _pytest(folder: Path, env: dict[str, str], printed: Path, arguments: list[str]) -> None:
    """Run pytest on a copy of the checkout, in a process that has imported what others bring."""
    os.setsid()
    for name in [name for name in sys.modules if name.split(".")[0] in ("streamsel", "tests")]:
        del sys.modules[name]
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    with printed.open("wb") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    sys.argv = ["pytest", *arguments]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)
