"""A yard of cameras: a feed of every kind for a while, with faults in turn, and what that costs.

python -m tests.soak.yard                 a quarter of an hour; renews its part of docs/endurance.md
python -m tests.soak.yard --minutes 1 --print     a short one, which prints it

Needs root, for the disk that is pulled out.
"""

from __future__ import annotations

import argparse
import math
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.end_to_end.service import ROOT, Service
from tests.servers.broker import Broker
from tests.servers.disks import RemovableDisk
from tests.soak.shifted_watch import OFFSET_FILE
from tests.soak.yard_faults import FAULTS, make
from tests.soak.yard_feeds import Yard
from tests.soak.yard_run import Run

PAGE = ROOT / "docs" / "endurance.md"
BEGIN, END = "<!-- made by tests.soak.yard -->", "<!-- until here -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--print", action="store_true", help="and leave the page as it is")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-yard-"))
    try:
        report = watched(folder, wanted.minutes)
    finally:
        shutil.rmtree(folder)
    if wanted.print:
        print(report)
    else:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{report}\n{END}{after}")


def watched(folder: Path, minutes: float) -> str:
    """Watch the yard for so long, with every fault once; return what was seen as tables."""
    with ExitStack() as stack:
        enter = stack.enter_context
        # This process stays in the disk's namespace, for the servers' threads are there too.
        disk = RemovableDisk(folder, megabytes=64).__enter__()
        stack.callback(disk.unmount)
        yard = enter(Yard(folder / "yard", Path(str(shutil.which("ffmpeg"))), minutes + 5))
        broker = enter(Broker(folder / "broker"))
        clock = folder / "clock"
        clock.write_text("0")
        config = {
            "defaults": {"count": 100, "window": "10m"},
            "feeds": yard.feeds(),
            "sinks": {
                "disk": {"path": str(disk.place / "kept"), "max_bytes": "20MB"},
                "mqtt": {"host": "127.0.0.1", "port": broker.port},
            },
        }
        (folder / "service").mkdir()
        program = (sys.executable, "-m", "tests.soak.shifted_watch")
        env = {OFFSET_FILE: str(clock)}
        service = enter(Service(folder / "service", config, env, program=program))
        yard.call(service.port)
        run = Run(yard, service, broker, disk, clock, config)
        _live_through(run, minutes)
        report = _report(run, minutes)
        if service.stop() != 0 or any(math.isinf(fault.recovered) for fault in run.faults):
            print(service.said())
    return report


def _live_through(run: Run, minutes: float) -> None:
    """Let every fault happen, evenly over the time, and nothing in between."""
    pause = 60 * minutes / (len(FAULTS) + 1)
    run.until(lambda feeds: len(feeds) == len(run.config["feeds"]), "all feeds are there")
    run.until_ready()
    run.watch(pause)
    for name in FAULTS:
        print(f"{name} ...", flush=True)
        run.faults.append(make(name, run))
        run.watch(pause)


def _report(run: Run, minutes: float) -> str:
    memory = run.memory_mb
    lines = [
        f"`python -m tests.soak.yard --minutes {minutes:g}`: {len(run.states)} feeds, most "
        "of 320x180 at 15 frames a second, and one service, on two shared cores. Times are "
        "seconds; to the first kept picture it is from the start of the service.",
        "",
        f"- processor: {run.cpu_seconds / run.feed_seconds:.4f} CPU seconds for a second of a feed "
        f"that is up ({run.feed_seconds:,.0f} of these)",
        f"- memory: {memory[0]:.0f} MB at first, {max(memory):.0f} MB at most, "
        f"{memory[-1]:.0f} MB at the end",
        "",
        "| feed | at the end | decoded | kept | refused | dropped | reconnects | first kept |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(_row_of(run, name) for name in run.states),
        "",
        "| fault | what the service showed | well after |",
        "|---|---|---:|",
        *(
            f"| {fault.name} | {_cell(fault.shown)} | {_seconds(fault.recovered)} |"
            for fault in run.faults
        ),
        "",
    ]
    return "\n".join(lines)


def _row_of(run: Run, name: str) -> str:
    counts, (state, reason) = run.totals(name), run.states[name]
    first = run.first_kept.get(name)
    cells = [
        name,
        _cell(f"{state}: {reason}" if reason else state),
        *(f"{counts[key]:,}" for key in ("decoded", "kept", "refused", "dropped", "reconnects")),
        "-" if first is None else f"{first:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _seconds(recovered: float) -> str:
    return "never" if math.isinf(recovered) else f"{recovered:.1f}"


def _cell(text: str) -> str:
    """A text in a table, without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d+", "camera", text)
    return re.sub(r"/tmp/streamsel-yard-\w+/", "/", text).replace("|", "/").replace("\n", " ")


if __name__ == "__main__":
    main()
