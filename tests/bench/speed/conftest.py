"""Sums up the stages: what each costs a frame, and the share that selecting has in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds for one frame."""

    median: float
    mean: float


SPENT = pytest.StashKey[dict[str, Spent]]()


@pytest.fixture
def per_frame(request: pytest.FixtureRequest, benchmark: Any) -> Callable[[str, int], None]:
    """Note what the benchmark of this test found, its calls being for so many frames each."""

    def note(stage: str, frames: int) -> None:
        # There are no figures where benchmarks are switched off.
        if benchmark.stats is not None:
            found = benchmark.stats.stats
            stages = request.config.stash.setdefault(SPENT, {})
            stages[stage] = Spent(1000 * found.median / frames, 1000 * found.mean / frames)

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    stages = config.stash.get(SPENT, {})
    if not stages:
        return
    terminalreporter.write_line("\n| stage | median, ms per frame | mean |\n|---|---:|---:|")
    for name, spent in stages.items():
        terminalreporter.write_line(f"| {name} | {spent.median:.3f} | {spent.mean:.3f} |")
    rest = ("decode", "look, changed", "embed", "record")
    for judge in ("judge, new", "judge, settled"):
        if all(name in stages for name in (judge, *rest)):
            # Of means: blocks of a selector differ, and all of them are paid for.
            share = stages[judge].mean / sum(stages[name].mean for name in (judge, *rest))
            terminalreporter.write_line(f"\n{judge}: {share:.1%} of it with {', '.join(rest)}")
