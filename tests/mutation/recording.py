"""Which tests run which function, and how long each takes: what a change is tried against.

:func:`record` runs all tests once under coverage. This module is also the pytest plugin of that
run: coverage follows what a test does in its own process; processes that a test starts are followed
where the environment says so, under the name of the test.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

_FOLDER = "STREAMSEL_MUTATION_FOLDER"
_TEST = "STREAMSEL_MUTATION_TEST"
_SETTINGS = f"""\
[run]
source = streamsel
concurrency = thread
parallel = true
data_file = ${{{_FOLDER}}}/.coverage
sigterm = true
"""
_SETTINGS_OF_CHILDREN = f"{_SETTINGS}context = ${{{_TEST}-}}\n"

_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the test to the processes that it starts."""
    os.environ[_TEST] = item.nodeid
    os.environ["COVERAGE_PROCESS_START"] = str(Path(os.environ[_FOLDER], "children"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what a test took."""
    _seconds[report.nodeid] += report.duration


def pytest_sessionfinish() -> None:
    """Write what all tests took, once."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        Path(os.environ[_FOLDER], "seconds.json").write_text(json.dumps(_seconds))


def record(root: Path, folder: Path, workers: int) -> None:
    """Run all tests of the checkout ``root``, and leave in ``folder`` which runs what.

    Takes about twice as long as the tests alone. Tests that fail are recorded like the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own").write_text(_SETTINGS)
    (folder / "children").write_text(_SETTINGS_OF_CHILDREN)
    tests = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "worksteal"]
    coverage = ["--cov=streamsel", "--cov-context=test", "--cov-report="]
    settings = [f"--cov-config={folder / 'own'}", "-p", __name__]
    environment = os.environ | {_FOLDER: str(folder), "PYTHONPATH": str(root)}
    subprocess.run([*tests, *coverage, *settings], cwd=root, env=environment, check=False)
    seconds = json.loads((folder / "seconds.json").read_text())
    covering = {name: sorted(tests) for name, tests in _covering(root, folder).items()}
    (folder / "map.json").write_text(json.dumps({"seconds": seconds, "covering": covering}))


def _covering(root: Path, folder: Path) -> dict[str, set[str]]:
    """The tests of each function, by the path of its module and its dotted name."""
    from coverage import CoverageData

    recorded = CoverageData(str(folder / ".coverage"))
    recorded.read()
    covering: dict[str, set[str]] = defaultdict(set)
    for path in recorded.measured_files():
        module = Path(path)
        if not module.is_relative_to(root):
            continue
        contexts = recorded.contexts_by_lineno(path)
        for name, lines in _functions(ast.parse(module.read_text()), ""):
            tests = {
                context.partition("|")[0] for line in lines for context in contexts.get(line, ())
            }
            covering[f"{module.relative_to(root).as_posix()} {name}"] |= tests - {""}
    return covering


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, range]]:
    """The dotted name of each function, and the lines of its body."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{within}.{child.name}" if within else child.name
            if not isinstance(child, ast.ClassDef):
                yield name, range(child.body[0].lineno, (child.end_lineno or 0) + 1)
            yield from _functions(child, name)
        else:
            yield from _functions(child, within)
