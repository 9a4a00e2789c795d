"""What running diversity costs: ``python -m tests.metrics.diversity_cost`` prints the table."""

from __future__ import annotations

import statistics
import time

from streamsel.clock import SystemClock
from streamsel.evaluation.diversity import pairwise
from streamsel.metrics.spread import SpreadMeter
from tests.metrics.scenario import FixedSelector, unit_vectors

REPEATS = 15


def main() -> None:
    print("| coreset | wall ms | CPU ms |\n|---|---|---|")
    for count in (100, 500, 5000):
        selector = FixedSelector(unit_vectors(count, dim=256))
        meter = SpreadMeter(pairwise, SystemClock())
        wall, cpu = [], []
        for _ in range(REPEATS):
            began, busy = time.perf_counter(), time.process_time()
            meter.measure("gate", selector.vectors())
            wall.append(1000 * (time.perf_counter() - began))
            cpu.append(1000 * (time.process_time() - busy))
        print(f"| {count} | {statistics.median(wall):.1f} | {statistics.median(cpu):.1f} |")


if __name__ == "__main__":
    main()
